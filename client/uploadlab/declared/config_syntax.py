"""The one parser and the one editor of configs: uWSGI's ini, gunicorn's Python, those of fronts."""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from uploadlab.errors import UsageError, problem_of

INI, PYTHON = ".ini", ".py"
HAPROXY, CADDY, APACHE, ENVOY = ".cfg", ".Caddyfile", ".conf", ".yaml"
"""How the paths of the languages end; all others are nginx's."""
COMMENT = re.compile(r"\s*[;#]\s*(.*)")
"""A comment that is a whole line. uWSGI knows no other."""
PYTHON_COMMENT = re.compile(r"\s*#\s*(.*)")
INI_LINE = re.compile(r"\s*[;#]\s*(?P<comment>.*)|(?P<code>.*)")
NGINX_LINE = re.compile(
    r"""(?P<code>(?:"[^"]*"|'[^']*'|[^"'\#]|(?<=[^\s;{}])\#)*)(?:\#\s*(?P<comment>.*))?"""
)
INI_SETTING = re.compile(r"(?P<option>[\w.-]+)\s*(?:=\s*(?P<value>.*))?")
NGINX_SETTING = re.compile(r"(?P<option>\w+)\s+(?P<value>(?:[^{}]|\$\{\w+\})*);")
LINE_SETTING = re.compile(r"(?P<option>\w[\w.-]*)(?: (?P<value>.*[^{]))?")
"""Of Caddy and Apache: an option and its values; a line that opens a block is none."""
HAPROXY_SETTING = re.compile(
    r"(?!(?:global|defaults|frontend|backend|listen)\b)"
    r"(?P<option>(?:(?:timeout|option|http-error status) )?\w[\w.-]*)(?: (?P<value>.*))?"
)
ENVOY_SETTING = re.compile(r"(?:- )?(?P<option>\w[\w.-]*): (?P<value>.+)")
SETTINGS = {
    INI: INI_SETTING,
    HAPROXY: HAPROXY_SETTING,
    CADDY: LINE_SETTING,
    APACHE: LINE_SETTING,
    ENVOY: ENVOY_SETTING,
}


class Setting(NamedTuple):
    """An option that a config sets, in lines that set nothing else."""

    option: str
    value: str
    """With single spaces."""
    first: int
    last: int
    """Numbers of the lines, from 0."""
    text: str
    """As it stands in the file, without the comment and nginx's semicolon."""
    reason: str
    """The comment behind the setting or, without one, above it."""


def words(text: str) -> set[str]:
    """Return the names in a text."""
    return set(re.findall(r"\w+", text))


def bare_lines(path: str, text: str) -> list[str]:
    """Return a config's lines without comments and layout; raise UsageError."""
    if path.endswith(PYTHON):
        return [ast.unparse(statement) for statement in _statements(path, text)]
    lines = [" ".join(_split(path, line)[0].split()) for line in text.splitlines()]
    return [line for line in lines if line]


def parse_config(path: str, text: str) -> list[Setting]:
    """Return all settings of a config; raise UsageError."""
    return list(_of_python(path, text) if path.endswith(PYTHON) else _of_lines(path, text))


def replace_setting(path: str, text: str, old: Setting | None, new: Sequence[str]) -> str:
    """Return a config's text with these lines in place of a setting, or added; raise UsageError."""
    lines = text.splitlines()
    if old:
        lines[old.first : old.last + 1] = new
    elif path.endswith((INI, PYTHON, APACHE)):
        lines += new
    elif path.endswith(HAPROXY) and "defaults" in lines:
        place = lines.index("defaults") + 1
        lines[place:place] = [f"    {line.strip()}" for line in new]
    else:
        found = next((number for number, line in enumerate(lines) if line.split()[:1] == ["location"]), None)
        if found is None:
            raise UsageError(f"{path} has no location, so nothing can be added before it")
        indentation = lines[found].partition("location")[0]
        lines[found:found] = [indentation + line.strip() for line in new]
    return "\n".join(lines) + "\n"


def set_option(path: str, text: str, option: str, value: str) -> str:
    """Return a config's text with the option set or, where the value is empty, removed; raise UsageError."""
    old = next((setting for setting in parse_config(path, text) if setting.option == option), None)
    between = " = " if path.endswith((INI, PYTHON)) else ": " if path.endswith(ENVOY) else " "
    end = "" if path.endswith((PYTHON, *SETTINGS)) else ";"
    new = [f"{option}{between}{value}{end}"] if value else []
    if old and value:
        block = "\n".join(text.splitlines()[old.first : old.last + 1])
        new = [block.replace(old.text, f"{option}{between}{value}", 1)]
    if not old and not value:
        raise UsageError(f"no line of {path} sets {option}, so it cannot be removed")
    return replace_setting(path, text, old, new)


def _of_python(path: str, text: str) -> Iterator[Setting]:
    lines = re.split(r"\r\n|\r|\n", text)  # as Python counts them
    for node in _statements(path, text):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            source = _source(lines, node)
            behind = PYTHON_COMMENT.fullmatch(lines[last].rpartition(source.splitlines()[-1])[2])
            reason = behind[1] if behind else _above(lines, first)
            yield Setting(ast.unparse(target), ast.unparse(node.value), first, last, source, reason)


def _source(lines: Sequence[str], node: ast.stmt) -> str:
    """Return a statement as it stands. Python's own function splits the whole text again for each."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    found = [line.encode() for line in lines[first : last + 1]]
    found[-1] = found[-1][: node.end_col_offset]
    found[0] = found[0][node.col_offset :]
    return b"\n".join(found).decode(errors="replace")


def _statements(path: str, text: str) -> list[ast.stmt]:
    """Return all statements but imports, the docstring, and other texts that nothing is done with."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{path} is no Python: {problem_of(error)}") from None
    return [
        node
        for node in body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def _of_lines(path: str, text: str) -> Iterator[Setting]:
    lines = text.splitlines()
    pattern = SETTINGS.get(Path(path).suffix, NGINX_SETTING)
    for number, line in enumerate(lines):
        code, behind = _split(path, line)
        if found := pattern.fullmatch(" ".join(code.split())):
            source = code.strip().removesuffix(";")
            reason = behind or _above(lines, number)
            yield Setting(found["option"], found["value"] or "", number, number, source, reason)


def _split(path: str, line: str) -> tuple[str, str]:
    """Return a line's code and its comment."""
    found = (INI_LINE if path.endswith(INI) else NGINX_LINE).fullmatch(line)
    return (found["code"] or "", found["comment"] or "") if found else (line, "")


def _above(lines: Sequence[str], number: int) -> str:
    """Return the comment directly above a line."""
    above = (
        lines[place] for place in range(number - 1, -1, -1)
    )  # a copy for each setting would take too long
    comments = [found[1] for found in takewhile(bool, map(COMMENT.match, above)) if found]
    return " ".join(reversed(comments))
