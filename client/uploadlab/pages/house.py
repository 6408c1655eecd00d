"""The picture and the table of the house: from the layering contract, the imports and the docstrings."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from uploadlab.pages.part import FILES, page_part, untitled
from uploadlab.pages.picture import INK
from uploadlab.paths import DOCS, PACKAGES, ROOT

PACKAGE = PACKAGES / "uploadlab"
FLOOR = {"light": "#f6f8fa", "dark": "#161b22"}
WALL = {"light": "#d0d7de", "dark": "#30363d"}
OWN = {"light": "#bc4c00", "dark": "#f0883e"}
"""Of the squares that stand for the rooms."""
DOT = {"light": "#0969da", "dark": "#58a6ff"}
ROW, COLUMN, NAMES, EDGE, ROOF, LEGEND = 22, 10, 112, 10, 34, 56
"""Sizes in pixels: the picture is narrow, so that a phone shows its letters almost in full size."""
FONT = "font-family='system-ui, sans-serif'"


class Room(NamedTuple):
    """A package or a module of the lab that has a floor."""

    name: str
    path: Path
    """Its folder, or its file."""
    does: str
    """The first paragraph of its docstring."""
    imports: frozenset[str]
    """The names of the other rooms that it imports from."""


def floors() -> list[list[str]]:
    """Return the names of the rooms of each floor, from the top, as pyproject.toml declares them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == [PACKAGE.name]]
    return [[name.strip() for name in layer.split("|")] for layer in layers]


@cache
def rooms() -> list[Room]:
    """Return all rooms from the top of the house."""
    return [_room(name) for floor in floors() for name in floor]


def _room(name: str) -> Room:
    folder = PACKAGE / name
    path = folder if folder.is_dir() else PACKAGE / f"{name}.py"
    files = sorted(folder.rglob("*.py")) if path == folder else [path]
    said = (
        ast.get_docstring(ast.parse((folder / "__init__.py" if path == folder else path).read_text())) or ""
    )
    known = {room for floor in floors() for room in floor}
    imported = known.intersection(other for file in files for other in _imports(file)) - {name}
    return Room(name, path, " ".join(said.partition("\n\n")[0].split()), frozenset(imported))


def _imports(file: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, also those within its functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts == [PACKAGE.name]:
                yield from (alias.name for alias in node.names)
            elif parts[0] == PACKAGE.name:
                yield parts[1]
        elif isinstance(node, ast.Import):
            parted = [alias.name.split(".") for alias in node.names]
            yield from (parts[1] for parts in parted if parts[0] == PACKAGE.name and len(parts) > 1)


@page_part
def house_table() -> str:
    """Return what each room does, from the top of the house."""
    rows = [[f"[`{room.path.name}`]({_from_docs(room.path)})", room.does] for room in rooms()]
    return untitled(["room", "does"], rows)


def _from_docs(path: Path) -> str:
    return f"../{path.relative_to(ROOT)}"


@page_part
def house_picture() -> str:
    """Return the floors of the house with the imports between the rooms; the picture is in two files."""
    for theme in INK:
        FILES[DOCS / f"house-{theme}.svg"] = "\n".join(_picture(theme)) + "\n"
    words = (
        "The rooms of the lab from the top floor to the ground floor, and which rooms below each imports from"
    )
    return (
        '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="house-dark.svg">\n'
        f'  <img src="house-light.svg" alt="{words}">\n</picture>\n'
    )


def _picture(theme: str) -> Iterator[str]:
    """Yield the lines of the picture."""
    names = [room.name for room in rooms()]
    width, height = NAMES + COLUMN * len(names) + 2 * EDGE, ROOF + ROW * len(names) + LEGEND
    size = f"viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    yield f"<svg xmlns='http://www.w3.org/2000/svg' {size}>"
    yield f"<path d='M{EDGE},{ROOF} L{width / 2:g},4 L{width - EDGE},{ROOF} Z' {_filled(theme)}/>"
    at = ROOF
    for floor in floors():
        tall = ROW * len(floor)
        yield f"<rect x='{EDGE}' y='{at}' width='{width - 2 * EDGE}' height='{tall}' {_filled(theme)}/>"
        at += tall
    for draw in (_line, _row):  # dots lie on the lines
        for number, room in enumerate(rooms()):
            yield from draw(number, room, theme)
    lines = ("A square is a room. A dot above it stands", "in the row of a room that imports from it.")
    for number, line in enumerate(lines):
        y = height - LEGEND + 22 + 18 * number
        yield f"<text x='{EDGE}' y='{y}' fill='{INK[theme]}' font-size='13' {FONT}>{line}</text>"
    yield "</svg>"


def _filled(theme: str) -> str:
    return f"fill='{FLOOR[theme]}' stroke='{WALL[theme]}'"


def _middle(number: int) -> tuple[float, float]:
    """Return the place of a room's square, which is in its column and its row."""
    return EDGE + NAMES + COLUMN * (number + 0.5), ROOF + ROW * (number + 0.5)


def _line(number: int, room: Room, theme: str) -> Iterator[str]:
    """Yield the line from a room's square up to the highest room that imports from it."""
    if importing := [at for at, other in enumerate(rooms()) if room.name in other.imports]:
        (x, bottom), (_, top) = _middle(number), _middle(min(importing))
        yield f"<line x1='{x:g}' y1='{top:g}' x2='{x:g}' y2='{bottom:g}' stroke='{WALL[theme]}'/>"


def _row(number: int, room: Room, theme: str) -> Iterator[str]:
    """Yield a room: its name, its square, and a dot for each room that it imports from."""
    x, y = _middle(number)
    name = f"fill='{INK[theme]}' font-size='14' {FONT}"
    yield f"<text x='{EDGE + 8}' y='{y + 5:g}' {name}>{escape(room.name)}</text>"
    yield f"<rect x='{x - 4:g}' y='{y - 4:g}' width='8' height='8' fill='{OWN[theme]}'/>"
    for column, other in enumerate(rooms()):
        if other.name in room.imports:
            yield f"<circle cx='{_middle(column)[0]:g}' cy='{y:g}' r='3.2' fill='{DOT[theme]}'/>"
