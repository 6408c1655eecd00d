"""docs/architecture.md: the house is the one that is checked, and what the page names is there."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from uploadlab.pages.house import rooms
from uploadlab.paths import DOCS, ROOT

from .pages import sections
from .test_extending import SECTIONS, Block

PAGE = DOCS / "architecture.md"
TEXTS = {section.title: section.text for section in sections(PAGE)}
APP = "the app"
"""Stands for a room in the table of the way: the other package."""


def rows(title: str) -> list[list[str]]:
    """The cells of a section's tables, without their heads."""
    lines = [line for line in TEXTS[title].splitlines() if line.startswith("| ")]
    return [re.split(r" \| ", line.strip("| ")) for line in lines if not line.startswith("| ---")][1:]


def test_the_house_is_the_one_that_is_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["uploadlab"]]
    names = [name.strip() for layer in layers for name in layer.split("|")]
    assert [re.findall(r"`(\w+)(?:\.py)?`", cells[0]) for cells in rows("The house")] == [
        [name] for name in names
    ]
    for theme in ("light", "dark"):
        picture = (DOCS / f"house-{theme}.svg").read_text()
        assert re.findall(r"<text [^>]*font-size='14'[^>]*>(\w+)<", picture) == names


def test_the_picture_shows_what_imports_from_what() -> None:
    below = {room.name: room.imports for room in rooms()}
    assert {"session", "planning", "model"} <= below["commands"]
    assert not below["errors"]
    picture = (DOCS / "house-light.svg").read_text()
    assert picture.count("<circle") == sum(map(len, below.values()))


def test_each_room_says_in_a_sentence_what_it_does() -> None:
    for room in rooms():
        assert re.match(r"[A-Z]\w+s ", room.does), room.name
        assert room.does.endswith("."), room.name


def defined(file: Path) -> set[str]:
    """The functions and classes of a file, with methods as ``Class.method``."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("cells", rows("The way of one upload"), ids=lambda cells: cells[0])
def test_the_functions_on_an_uploads_way_are_there(cells: list[str]) -> None:
    _, functions, named = cells
    found = re.findall(r"\[`([\w.]+)(?:\(\))?`\]\(\.\./([\w/.]+)\)", functions)
    assert len(found) == functions.count("](")
    in_rooms = set()
    for name, path in found:
        assert name in defined(ROOT / path)
        _, package, room, *_ = Path(path).parts
        in_rooms.add(APP if package == "app" else room.removesuffix(".py"))
    assert in_rooms - {"__main__"} == set(re.findall(r"[a-z ]+", named.replace("`", "").replace(", ", ",")))


def touched(blocks: list[Block]) -> set[str]:
    """The files that an example writes or edits."""
    edited = {path for block in blocks for path in re.findall(r"^\+\+\+ b/(.+)$", block.text, re.MULTILINE)}
    return edited | {block.path for block in blocks if block.path}


@pytest.mark.parametrize("cells", rows("Where a change goes"), ids=lambda cells: cells[0])
def test_the_example_of_a_change_touches_the_files_that_its_row_names(cells: list[str]) -> None:
    (title,) = (title for title in SECTIONS if f"#{title.lower().replace(' ', '-')})" in cells[0])
    wanted = [re.sub(r"\b[A-Z]+\b", "*", name) for name in re.findall(r"`([^`]+)`", cells[1])]
    of_example = touched(SECTIONS[title])
    assert [path for path in of_example if not any(fnmatch(path, name) for name in wanted)] == []
    for name in wanted:
        assert list(ROOT.glob(name)), name


def test_every_example_has_a_row() -> None:
    assert len(rows("Where a change goes")) == len(SECTIONS)


def test_the_tests_and_fixtures_that_are_named_are_there() -> None:
    text = TEXTS["The test suite"]
    for name in re.findall(r"`(test_\w+\.py)`", text):
        assert (ROOT / "tests" / name).exists(), name
    fixtures = set(re.findall(r"^- `(\w+)`: ", text, re.MULTILINE))
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    of_pytest = {marker.partition(":")[0] for marker in markers}
    assert of_pytest <= fixtures
    assert fixtures - of_pytest <= defined(ROOT / "tests" / "conftest.py")
