"""The document as one HTML page that fetches nothing: styles, scripts and data are in it."""

import base64
import hashlib
import re
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from uploadlab.plain_text import plain_lines
from uploadlab.presenting.document import Chart, Document, Dots, Key, Table
from uploadlab.units import format_size

HERE = Path(__file__).with_name("assets")
FIRST_STATEMENTS = 3
"""Before the picture: with them, its beginning is on the first screen of a phone."""
LANES = 12
"""Dots of a line lie below each other, so that none hides another; from here on they share lanes."""
COLOURS = 10
"""As many as report.css has; dots of further names are square."""
VEGA = ("vega.min.js", "vega-lite.min.js")
SCRIPTS = ("filters.js", "parts.js", "sorting.js", "tips.js")
IMPORT = re.compile(r"^import (\{.*?\}) from 'vega-util';$", re.MULTILINE)
EXPORT = re.compile(r"^export \{ (\w+) as expressionInterpreter \};$", re.MULTILINE)
DIGITS = 4
"""More than any figure is worth, and few enough to keep the page small."""
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
"""Without it, developer tools would look for a file that is not there."""
MARKED = re.compile(r"`([^`]+)`|(docs/[\w/-]+\.md(?:#[\w-]+)?)")
"""Words that are set as code, and a page of the docs."""
FIGURE = re.compile(r"~?([\d.]+) ?(.*?)\*?")
"""What a script reads of a figure to sort by it: the number, and its unit."""


def page(document: Document, docs: str = "") -> str:
    """Return the page's text; ``docs`` is the address of the docs from there, or nothing."""
    charts = [chart for section in document.sections for chart in section.charts]
    # Only a section that is opened needs the library, so it runs no earlier.
    later = [*map(_vendored, VEGA), f"{_interpreter()}\n{_text('charts.js')}"] if charts else []
    module = "\n".join(map(_text, SCRIPTS))
    tiers = list(dict.fromkeys(document.deployments.values()))
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "breakable": _breakable,
        "code": lambda text: _code(text, docs),
        "colour": _colour,
        "keyed": _keyed([list(document.deployments), document.methods, document.sizes, tiers]),
        "series": lambda picture: _series(document, picture),
        "sort_values": _sort_values,
    }
    numbers = count()
    first = _before_picture(document)
    return environment.get_template("report.html.j2").render(
        document=document,
        first=document.answer[:first],
        rest=document.answer[first:],
        lanes=LANES,
        fresh_id=lambda: f"note-{next(numbers)}",
        choices={
            "size": {str(size): format_size(size) for size in document.sizes},
            "tier": {tier: tier for tier in tiers},
            "method": {name: name for name in document.methods},
            "deployment": {name: name for name in document.deployments},
        },
        style=_trusted(_text("report.css")),
        policy=_policy([*later, module]),
        later=[_trusted(text) for text in later],
        module=_trusted(module),
        data=_data(document, charts),
    )


def _before_picture(document: Document) -> int:
    """Return how many statements stand before the picture; what goes on with them stays with them."""
    if not document.pictures:
        return len(document.answer)
    number = FIRST_STATEMENTS
    while number < len(document.answer) and not document.answer[number].head:
        number += 1
    return number


def _shown(value: Any) -> Any:
    """Return what stands in the page for a value: text is plain, markup is the lab's own."""
    return plain_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(name: str) -> str:
    return (HERE / name).read_text()


def _vendored(name: str) -> str:
    return SOURCE_MAP.sub("", _text(f"vendor/{name}"))


def _interpreter() -> str:
    """Return the interpreter as a function's value: no module of a page without addresses can import it."""
    text = IMPORT.sub(r"const \1 = vega;", _vendored("vega-interpreter.js"))
    body = EXPORT.sub(r"return \1;", text)
    return f"const expressionInterpreter = (() => {{{body}}})();"


def _policy(scripts: list[str]) -> str:
    """Return a policy that fetches nothing and runs no other script, whatever a name in a result contains."""
    sums = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{checksum}'" for checksum in sums)
    rest = "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; {rest}"


def _data(document: Document, charts: list[Chart]) -> Markup:
    """Return what the scripts need, as JSON that cannot end its element."""
    data: dict[str, Any] = {
        "deployments": list(document.deployments),
        "tiers": list(document.deployments.values()),
        "methods": document.methods,
        "sizes": document.sizes,
        "charts": [
            {
                "id": chart.id,
                "title": chart.title,
                "x": chart.x._asdict(),
                "y": chart.y._asdict(),
                "points": _points(document, chart),
                "panels": chart.panels,
            }
            for chart in charts
        ],
    }
    return _trusted(msgspec.json.encode(data).decode().replace("<", "\\u003c"))


def _points(document: Document, chart: Chart) -> list[list[float]]:
    """Return each point as the numbers of its deployment, method and size in the report, then y, x."""
    deployments, methods, sizes = (
        {name: number for number, name in enumerate(names)}
        for names in (document.deployments, document.methods, document.sizes)
    )
    return [
        [
            deployments[cell.deployment],
            methods[cell.method],
            sizes[cell.size_bytes],
            *(float(f"{value:.{DIGITS}g}") for value in values),
        ]
        for cell, values in chart.points
    ]


def _trusted(text: str) -> Markup:
    """Return text that is the lab's own, or cannot end its element."""
    return Markup(text)  # noqa: S704  as it says


def _breakable(name: str) -> Markup:
    """Return a name that may break into lines behind its dots and dashes."""
    return Markup(re.sub(r"(?<=\w)([.~=_-])(?=\w)", r"\1<wbr>", str(escape(plain_lines(name)))))  # noqa: S704  escaped


def _code(text: str, docs: str) -> Markup:
    """Return a sentence whose `words` are set as code, as are pages of the docs, with their address."""

    def marked(found: re.Match[str]) -> str:
        address = (
            f' data-href="{escape(quote(docs))}/{found[2].removeprefix("docs/")}"'
            if docs and found[2]
            else ""
        )
        return f"<code{address}>{found[1] or found[2]}</code>"

    return Markup(MARKED.sub(marked, str(escape(plain_lines(text)))))  # noqa: S704  escaped


def _keyed(lists: Sequence[Sequence[Hashable]]) -> Callable[[Key], Markup]:
    """Return a filter that writes a key for the page's filters: its fields' numbers in ``lists``."""
    numbers = [{value: str(number) for number, value in enumerate(values)} for values in lists]

    def keyed(key: Key) -> Markup:
        fields = [known.get(value, "-") for known, value in zip(numbers, key, strict=True)]
        while fields and fields[-1] == "-":
            fields.pop()
        return Markup(' data-key="{}"').format(" ".join(fields)) if fields else Markup("")

    return keyed


def _series(document: Document, picture: Dots) -> dict[str, int]:
    """Return the names of a picture's dots with the numbers of their colours, which charts use, too."""
    names = list(dict.fromkeys(dot.name for row in picture.rows for dot in row.dots))
    lists = list(document.deployments), document.methods, sorted(names)
    known = max(lists, key=lambda values: len(set(names).intersection(values)))
    return {name: number for number, name in enumerate(known) if name in names}


def _colour(number: int) -> str:
    """Return the classes of a series of dots."""
    return f"c{number % COLOURS}" + (" square" if number >= COLOURS else "")


def _sort_values(table: Table) -> Callable[[int, int], Markup]:
    """Return a function that writes by what a cell is sorted, where its text does not say it.

    A column whose figures have the same unit is sorted by its text: that keeps large tables small.
    """
    columns = range(len(table.header) - 1 if table.is_sortable else 0)
    units = [
        {
            found[2] if (found := FIGURE.fullmatch(text)) else text
            for row in table.rows
            if hasattr(text := row.cells[column + 1], "value") and text != "0"
        }
        for column in columns
    ]

    def written(row: int, column: int) -> Markup:
        value = getattr(table.rows[row].cells[column + 1], "value", None)
        if value is None or not table.is_sortable or len(units[column]) < 2:
            return Markup("")
        return Markup(" data-value={}").format(f"{value:.{DIGITS}g}")

    return written
