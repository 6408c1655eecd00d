"""Edges that hold because all goes through them: one place sends requests, one place prints."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLIENT = sorted((ROOT / "client").rglob("*.py"))
PROGRAMS = "uploadlab/sending/clients/"
"""Programs of other clients, each apart from the lab: they send by their libraries."""

REQUESTS = {
    r"requests\.(Session|get|post|put|patch|delete|head|options|request)|HTTPAdapter": {
        "uploadlab/sending/connections.py"
    },
    r"(http\.client|urllib3|urllib\.request|urlopen|httpx|aiohttp)(\.|$)|HTTPResponse|HTTPConnection": {
        "uploadlab/sending/connections.py",
        "uploadlab/checking/misbehaving.py",  # a server: it reads the heads of requests
        "uploadlab/checking/wire.py",
        "uploadlab/doctoring/parsed_answer.py",  # parses what came: nothing is sent by it
        "uploadlab/sending/answered.py",  # the names of statuses alone
        "uploadlab/sending/curl.py",  # the same
        "uploadlab/sending/healthz.py",  # the names of errors alone
    },
    r"(socket\.)?create_connection": {
        "uploadlab/checking/wire.py",
        "uploadlab/runtimes/link/lines.py",  # looks whether the target is there
        "uploadlab/sending/connections.py",  # to where a line begins
    },
    r"geventhttpclient(\.|$)|(Fast)?HttpUser|.*\.client\.request": {
        "uploadlab/load/fast_client.py",
        "uploadlab/load/users.py",
    },
}
"""Names by which a request could be sent, and the modules that may use them."""
PRINTING = {
    r"print": {
        "uploader.py",  # its help, before anything is installed
        "uploadlab/presenting/streams.py",
        "uploadlab/presenting/terminal.py",
        "uploadlab/processes/announced.py",  # the lab's own commands, into a log
        "uploadlab/processes/reaper.py",  # when the lab is gone
        "uploadlab/pages/__main__.py",  # for who works on the lab
        "uploadlab/pages/citations.py",
        "uploadlab/pages/kept_runs.py",
        "uploadlab/pages/reading.py",
        "uploadlab/versions/__main__.py",  # into the output of a build
    },
    r"sys\.(stdout|stderr)\.write": {
        "uploadlab/presenting/streams.py",
        "uploadlab/presenting/terminal.py",
    },
    r"click\.(echo|secho|style)|rich\.print": set(),
    r"(rich\.console\.)?Console|(rich\.progress\.)?Progress|TextColumn": {"uploadlab/presenting/console.py"},
    r"(rich\.markup\.)?escape|from_markup|render_markup": {
        "uploadlab/presenting/html.py",  # markupsafe's
        "uploadlab/load/chart.py",  # html's
        "uploadlab/pages/house.py",  # into SVG
        "uploadlab/pages/recording.py",
    },
}


@cache
def modules() -> dict[str, ast.Module]:
    """The client's modules by their places."""
    return {str(path.relative_to(ROOT / "client")): ast.parse(path.read_text()) for path in CLIENT}


@cache
def names() -> dict[str, set[str]]:
    """What each module imports and uses: whole dotted names."""
    return {place: set(names_in(tree)) for place, tree in modules().items()}


def names_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield ast.unparse(node)


def using(pattern: str) -> set[str]:
    found = {place for place, used in names().items() if any(matches(pattern, name) for name in used)}
    return {place for place in found if not place.startswith(PROGRAMS)}


def matches(pattern: str, name: str) -> bool:
    """Whether the name is one of the pattern's, or is below one."""
    return bool(re.fullmatch(rf"(?:{pattern})(?:(?<=\.)|\.|\().*|(?:{pattern})", name, re.DOTALL))


@pytest.mark.parametrize(("pattern", "places"), [*REQUESTS.items(), *PRINTING.items()])
def test_only_the_edge_does_it(pattern: str, places: set[str]) -> None:
    assert using(pattern) <= places
    assert places <= modules().keys()


def test_the_edges_are_seen() -> None:
    assert using(r"requests\.Session") == {"uploadlab/sending/connections.py"}
    assert using(r"print") >= {"uploadlab/presenting/streams.py"}
    assert using(r"(socket\.)?create_connection") >= {"uploadlab/checking/wire.py"}


def test_nothing_asks_to_be_redirected() -> None:
    for place, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("allow_redirects", "follow_redirects"):
                assert isinstance(node.value, ast.Constant) and node.value.value is False, place
    words = (ROOT / "client/uploadlab/sending/curl.py").read_text()
    assert re.findall(r'"(-\w*L\w*|--location\S*|--netrc\S*|--cookie\S*)"', words) == []
    assert 'words = ["curl", "--disable"' in words


def test_processes_are_looked_at_by_no_pattern_that_follows_them() -> None:
    """A process that ends meanwhile makes pathlib raise ProcessLookupError for all of such a pattern."""
    for path in [*CLIENT, *(ROOT / "tests").glob("*.py"), *(ROOT / "services").rglob("*.py")]:
        assert not re.search(r"""/proc["']\)\.glob\([^)]*/""", path.read_text()), path
