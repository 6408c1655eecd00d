"""One setting at a time: deployments that differ from a shipped one by it, from configs/knobs.toml."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from uploadlab.errors import UsageError


def edited(text: str, option: str, value: str) -> str:
    """A config's text with the option set, or without it where the value is empty.

    A line that is not there is added at the end, in nginx's case at the end of its server.
    """
    found = re.search(_line(option), text, re.MULTILINE)
    if found and not value:
        return text[: found.start()] + text[found.end() :].removeprefix("\n")
    if found:
        return text[: found.start("value")] + value + text[found.end("value") :]
    if not value:
        raise UsageError(f"no line sets {option}, so it cannot be taken away")
    if text.rstrip().endswith("}"):
        place = re.search(r"^([ \t]*)location\b", text, re.MULTILINE)
        if place is None:
            raise UsageError(f"no location before which {option} could be set")
        return f"{text[: place.start()]}{place[1]}{option} {value};\n{text[place.start() :]}"
    return f"{text}{option} = {value}\n"


def _line(option: str) -> str:
    """The line that sets it: ``option = value`` of an ini or a Python file, ``option value;`` of nginx."""
    return rf"^[ \t]*{re.escape(option)}(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>[^;#\n]*[^;#\s])[^\n]*$"


INI, PYTHON = ".ini", ".py"


INI_COMMENT = re.compile(r"\s*[;#].*")  # of a whole line: uWSGI knows no other
NGINX_COMMENT = re.compile(r"""(?:^|\s+)\#(?:[^"']|"[^"]*"|'[^']*')*$""")
INI_SETTING = re.compile(r"(?P<option>[\w.-]+)\s*(?:=\s*(?P<value>.*))?")
NGINX_SETTING = re.compile(r"(?P<option>\w+)\s+(?P<value>[^{}]*);")


class Setting(NamedTuple):
    """An option that is set, and in which lines of the file."""

    option: str
    value: str
    first: int
    last: int

    @property
    def binds(self) -> bool:
        """Whether it says where the server listens, or is to be found."""
        return "PORT" in words(self.value) or "RUN_DIR" in words(self.value)


def words(text: str) -> set[str]:
    """The names in a text."""
    return set(re.findall(r"\w+", text))


def bare_lines(path: str, text: str) -> list[str]:
    """A config's lines without comments and layout; raises UsageError."""
    if path.endswith(PYTHON):
        return [ast.unparse(node) for node in _statements(path, text)]
    return [line for _, line in _lines(path, text) if line]


def settings(path: str, text: str) -> list[Setting]:
    """All options that are set in a line of their own, or a statement; raises UsageError."""
    return list(_of_python(path, text) if path.endswith(PYTHON) else _of_lines(path, text))


def _of_python(path: str, text: str) -> Iterator[Setting]:
    for node in _statements(path, text):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            last = (node.end_lineno or node.lineno) - 1
            yield Setting(ast.unparse(target), ast.unparse(node.value), node.lineno - 1, last)


def _statements(path: str, text: str) -> list[ast.stmt]:
    """All but imports and the docstring."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path} is no Python: {error}") from None
    return [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node)]


def _is_text(node: ast.stmt) -> bool:
    """Whether it is a docstring, or another text that nothing is done with."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of_lines(path: str, text: str) -> Iterator[Setting]:
    pattern = INI_SETTING if path.endswith(INI) else NGINX_SETTING
    for number, line in _lines(path, text):
        if found := pattern.fullmatch(line):
            yield Setting(found["option"], found["value"] or "", number, number)


def _lines(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Numbered, without comments and with single spaces."""
    comment = INI_COMMENT if path.endswith(INI) else NGINX_COMMENT
    for number, line in enumerate(text.splitlines()):
        bare = ("" if comment.fullmatch(line) else line) if path.endswith(INI) else comment.sub("", line)
        yield number, " ".join(bare.split())
