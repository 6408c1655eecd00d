"""The document as one HTML page that fetches nothing: styles, scripts and data are in it."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from uploadlab.plain_text import plain_lines
from uploadlab.presenting.document import Chart, Document, Key
from uploadlab.units import format_size

HERE = Path(__file__).with_name("assets")
ATTRIBUTES = ("deployment", "method", "size", "tier")
"""What the filters go by, in the order of a key."""
IMPORT = re.compile(r"^import (\{.*?\}) from 'vega-util';$", re.MULTILINE)
EXPORT = re.compile(r"^export \{ (\w+) as expressionInterpreter \};$", re.MULTILINE)
DIGITS = 4
"""More than any figure is worth, and few enough to keep the page small."""
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
"""Without it, developer tools would look for a file that is not there."""


def page(document: Document) -> str:
    """Return the page's text."""
    charts = [chart for section in document.sections for chart in section.charts]
    scripts = [_vendored(name) for name in ("vega.min.js", "vega-lite.min.js")] if charts else []
    # The page's own script; with charts in one module with the interpreter, which it calls.
    drawing = [_interpreter(), _text("charts.js")] if charts else []
    module = "\n".join([*drawing, _text("filters.js")])
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "size": format_size,
        "breakable": _breakable,
        "code": _code,
        "keyed": _keyed,
    }
    return environment.get_template("report.html.j2").render(
        document=document,
        choices={
            "size": {str(size): format_size(size) for size in document.sizes},
            "tier": {tier: tier for tier in document.deployments.values()},
            "method": {name: name for name in document.methods},
            "deployment": {name: name for name in document.deployments},
        },
        style=_trusted(_text("report.css")),
        policy=_policy([*scripts, module]),
        scripts=[_trusted(text) for text in scripts],
        module=_trusted(module),
        data=_data(document, charts),
    )


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


def _code(text: str) -> Markup:
    """Return a sentence whose `words` are set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(plain_lines(text)))))  # noqa: S704  escaped


def _keyed(key: Key) -> Markup:
    """Return the attributes that the filters go by."""
    attributes = [
        Markup(' data-{}="{}"').format(name, value)
        for name, value in zip(ATTRIBUTES, key, strict=True)
        if value
    ]
    return Markup("").join(attributes)
