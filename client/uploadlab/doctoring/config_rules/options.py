"""Options of servers that have a flat list of them: uWSGI's ini, gunicorn's Python, and any command line."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from uploadlab.declared.config_syntax import INI, PYTHON, Setting, parse_config
from uploadlab.doctoring.config_rules.saying import ConfigFile, Said, by_default, said_at
from uploadlab.errors import UsageError

INCLUDES = ("ini", "include", "inherit")
OWN = (":", "%n:", "%p:", "%O:")
"""How uWSGI names a section of the same file."""
MOST_LETTERS = 64_000
"""Of a Python file: each assignment is looked up in the whole text."""


class Given(NamedTuple):
    """An option's value, and where it stands."""

    value: str
    said: Said


class Options(NamedTuple):
    """All options that a server was given."""

    file: str
    """The file that is named where a line is missing."""
    given: Mapping[str, Given]
    unread: Sequence[str] = ()
    """Lines that name other files."""

    def value(self, *names: str) -> str:
        """Return the value of the first of these options that is given; empty if none is."""
        return next((self.given[name].value for name in names if name in self.given), "")

    def overridden(self, given: Mapping[str, Given]) -> "Options":
        """Return these options with others in the place of those of the same names."""
        return self._replace(given={**self.given, **given})

    def said(self, names: tuple[str, ...], default: str) -> Said:
        """Return the line that sets the first of these options, or that its default holds."""
        given = next((self.given[name] for name in names if name in self.given), None)
        return given.said if given else by_default(self.file, names[0], default, unread=self.unread)


def ini_options(file: ConfigFile) -> Options:
    """Return the options of uWSGI's ini; the last line of each counts, of sections that it names too."""
    sections = _sections(file.text)
    every = [line for line in parse_config(f"config{INI}", file.text) if not line.text.startswith("[")]
    names = {"", "uwsgi"} | {
        line.value.rpartition(":")[2]
        for line in every
        if line.option in INCLUDES and line.value.startswith(OWN)
    }
    settings = [line for line in every if sections[line.first] in names]
    unread = [
        f"{file.name}:{setting.first + 1} includes {setting.value}"
        for setting in settings
        if setting.option in INCLUDES and not setting.value.startswith(OWN)
    ]
    return Options(file.name, {setting.option: _given(file.name, setting) for setting in settings}, unread)


def flat_options(file: ConfigFile) -> Options:
    """Return the options of a file of lines KEY = VALUE, as simple TOML is."""
    settings = parse_config(f"config{INI}", file.text)
    return Options(file.name, {setting.option: _given(file.name, setting) for setting in settings})


def python_options(file: ConfigFile) -> Options:
    """Return what gunicorn's Python sets; texts without their quotes; raise UsageError."""
    if len(file.text) > MOST_LETTERS:
        raise UsageError(f"{file.name} has over {MOST_LETTERS} letters, too many for a config of gunicorn")
    try:
        settings = parse_config(f"config{PYTHON}", file.text)
    except RecursionError:
        raise UsageError(f"{file.name} is nested too deep to be read") from None
    return Options(file.name, {setting.option: _given(file.name, setting) for setting in settings})


def bases_of(file: ConfigFile, name: str) -> list[str]:
    """Return the names of the classes that a class of a Python file extends."""
    try:
        body = ast.parse(file.text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        ast.unparse(base)
        for node in body
        if isinstance(node, ast.ClassDef) and node.name == name
        for base in node.bases
    ]


def _given(name: str, setting: Setting) -> Given:
    return Given(_plain_value(setting.value), said_at(name, setting.first + 1, setting.text))


def _plain_value(value: str) -> str:
    """Return Python's texts without quotes, and all else as it stands."""
    try:
        found = ast.literal_eval(value)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return value
    return found if isinstance(found, str) else value


def _sections(text: str) -> list[str]:
    """Return the section of each line of an ini; empty before the first."""
    return list(_sections_of(text))


def _sections_of(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        if line.strip().startswith("["):
            section = line.strip().strip("[]").strip().lower()
        yield section
