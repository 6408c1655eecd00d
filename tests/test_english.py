"""Names and English of the code: identifiers, docstrings, comments and messages."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = [*sorted((ROOT / "client").rglob("*.py")), *sorted((ROOT / "services").rglob("*.py"))]
PACKAGES = ("client/uploadlab", "services/app/upload_app")
WORDS = re.compile(
    r"\b(mend(s|ed|ing)?|whoever|whatever it|shall|befell|became of|anew|likewise|thereof|beforehand|besides"
    r"|(is|are|be|been|was) told|tells of|takes? part|so many|so long|such an?|has it not|knows none"
    r"|is to be|are to be|not to be|what is asked|nobody's business|a clear no)\b",
    re.IGNORECASE,
)
"""Words that plainer words replace."""
OLD_KEY = ("client/uploadlab/storage/old_runs.py", "mend")
"""A key of files that older versions wrote."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Every comment and every text of a module, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def variables(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


Places = list[tuple[int, str]]
"""Lines, and a word in each."""


def found_in(search: Callable[[str], Places]) -> dict[str, Places]:
    """What a search finds in each module; nothing of those in which it finds nothing."""
    found = {str(path.relative_to(ROOT)): search(path.read_text()) for path in CODE}
    return {name: places for name, places in found.items() if places}


def test_code_uses_plain_words() -> None:
    def words(source: str) -> Places:
        return [(line, match[0]) for line, text in texts(source) for match in WORDS.finditer(text)]

    found = found_in(words)
    old_name, old_word = OLD_KEY
    old = {word for _, word in found.pop(old_name)}
    assert (found, old) == ({}, {old_word})


def test_no_variable_is_called_one() -> None:
    def lines(source: str) -> Places:
        return [(line, name) for line, name in variables(ast.parse(source)) if name in ("one", "ones")]

    assert found_in(lines) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_name_means_one_thing(package: str) -> None:
    places = defaultdict(list)
    # Each client's program has a session and ways of the same names.
    modules = [path for path in (ROOT / package).rglob("*.py") if path.parent.name != "clients"]
    for path in sorted(modules):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    # Each command of the command line is started the same way.
    assert {
        name: paths for name, paths in places.items() if len(paths) > 1 and name not in ("main", "command")
    } == {}
