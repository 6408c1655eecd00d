"""Names and English of the code: identifiers, docstrings, comments and messages."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
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
OLD_KEY = ("old_runs.py", "mend")
"""A key of files that older versions wrote."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every comment and every text of a module, with its line."""
    source = path.read_text()
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


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_uses_plain_words(path: Path) -> None:
    found = [(line, match[0]) for line, text in texts(path) for match in WORDS.finditer(text)]
    assert [(line, word) for line, word in found if (path.name, word) != OLD_KEY] == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_variable_is_called_one(path: Path) -> None:
    assert [line for line, name in variables(ast.parse(path.read_text())) if name in ("one", "ones")] == []


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
