"""Command lines that start servers: of a Procfile, a systemd unit, a Dockerfile, Compose, a shell script."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from uploadlab.doctoring.config_rules.saying import ConfigFile
from uploadlab.doctoring.config_rules.yaml_nodes import yaml_entries
from uploadlab.errors import UsageError

PROGRAMS = ("gunicorn", "uwsgi", "waitress-serve", "hypercorn", "uvicorn", "granian", "pyvoy", "cheroot")
BEFORE = re.compile(
    r"exec|env|nohup|time|-m|-c|-lc|-u|--|run|sudo|\w+=.*|.*\b(sh|bash|python[\d.]*|uv|poetry|pipenv|tini|dumb-init|gosu)"
)
"""Words that may stand before a server's name in the command that starts it."""
PREFIX = re.compile(r"\s*(?:Exec\w+\s*=\s*[-@:+!]*|CMD\b|ENTRYPOINT\b|command\s*=|[\w-]+:\s)?\s*(?P<rest>.*)")
"""What stands before a command in a unit, a Dockerfile, supervisor's ini and a Procfile."""
COMPOSE_KEYS = ("command", "entrypoint", "args")
ENDS = {"&&", "||", ";", "|", "&"}
MOST_WORDS = 500
"""Of a command."""


class CommandLine(NamedTuple):
    """A command that starts a server."""

    program: str
    words: list[str]
    """What follows the program."""
    file: str
    line: int
    """From 1."""

    @property
    def text(self) -> str:
        """Return the command as it is shown."""
        return " ".join([self.program, *self.words])


def command_lines(file: ConfigFile) -> list[CommandLine]:
    """Return every command of a file that starts a server."""
    found = []
    for line, words in _commands(file):
        started = _started(words)
        if started:
            found.append(CommandLine(started[0], started[1:], file.name, line))
    return found


def _commands(file: ConfigFile) -> Iterator[tuple[int, list[str]]]:
    if file.name.endswith((".yaml", ".yml")):
        try:
            entries = yaml_entries(file.name, file.text)
        except UsageError:
            entries = []
        for entry in entries:
            if entry.key in COMPOSE_KEYS:
                yield entry.line, entry.words or _split(entry.text)
        return
    text, waiting = file.text.replace("\\\r\n", "\\\n"), ""
    first = 1
    for number, line in enumerate(text.split("\n"), 1):
        first = first if waiting else number
        if line.endswith("\\"):
            waiting += line[:-1] + " "
            continue
        rest = PREFIX.fullmatch(waiting + line)
        waiting = ""
        if rest and not rest["rest"].startswith(("#", ";")):
            yield first, _words(rest["rest"])


def _words(text: str) -> list[str]:
    """Return the words of a command, of a JSON list as Dockerfiles have it, too."""
    if text.startswith("["):
        try:
            return [str(word) for word in json.loads(text)]
        except (ValueError, RecursionError, TypeError):
            pass
    return _split(text)


def _split(text: str) -> list[str]:
    """Return a shell's words; where a quote has no end, what stands between blanks."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def _started(words: Sequence[str]) -> list[str]:
    """Return the server's name and what follows it; empty if the command starts none."""
    flat = [inner for word in words[:MOST_WORDS] for inner in (_split(word) if " " in word else [word])]
    for number, word in enumerate(flat):
        name = PurePosixPath(word).name
        if name in PROGRAMS and len(flat) > number + 1:
            after = flat[number + 1 :]
            end = next((place for place, each in enumerate(after) if each in ENDS), len(after))
            return [name, *after[:end]]
        if not BEFORE.fullmatch(word):
            return []
    return []


def options_of(words: Sequence[str], short: dict[str, str]) -> dict[str, str]:
    """Return options by their long names: of ``--timeout 30``, ``--timeout=30``, ``-t 30`` and ``-t30``."""
    found: dict[str, str] = {}
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        following = "" if following.startswith("-") else following
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found[name] = value if equals else following
        elif word.startswith("-") and word[1:2] in short:
            found[short[word[1:2]]] = word[2:].lstrip("=") or following
    return found
