"""The report as one HTML page that fetches nothing: styles, scripts and data are in it."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from uploadlab.model.checks import Verdict
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.presenting.document import Chart, Key, Report
from uploadlab.presenting.heat import METRICS
from uploadlab.units import format_size

HERE = Path(__file__).with_name("page")
BAD = (*(str(one) for one in Status if one not in ACCEPTED), Verdict.FAIL, Verdict.LOSS)
ATTRIBUTES = ("deployment", "method", "size", "tier")
"""Of what the filters go by, in the order of a key."""
CLASSIC = ("vega.min.js", "vega-lite.min.js")
INTERPRETER = "vega-interpreter.js"
IMPORT = re.compile(r"^import (\{.*?\}) from 'vega-util';$", re.MULTILINE)
EXPORT = re.compile(r"^export \{ (\w+) as expressionInterpreter \};$", re.MULTILINE)
RETURN = r"return \1;"
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
"""Without it, developer tools would look for a file that is not there."""


def page(report: Report) -> str:
    """The page's text."""
    has_charts = any(section.charts for section in report.sections)
    scripts = [_vendored(name) for name in CLASSIC] if has_charts else []
    modules = [_module(has_charts)]
    return _environment().get_template("report.html.j2").render(
        report=report,
        metrics=METRICS,
        choices=_choices(report),
        style=_trusted(_text("report.css")),
        policy=_policy([*scripts, *modules]),
        scripts=[_trusted(text) for text in scripts],
        modules=[_trusted(text) for text in modules],
        data=_trusted(_inlined(_data(report))),
    )  # fmt: skip


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": format_size,
        "breakable": _breakable,
        "code": _code,
        "finding": _finding,
        "keyed": _keyed,
        "tone": _tone,
    }
    return made


def _choices(report: Report) -> dict[str, dict[str, str]]:
    """What the filters choose from: values with their labels, by the attribute that they go by."""
    return {
        "size": {str(size): format_size(size) for size in report.sizes},
        "tier": {tier: tier for tier in report.deployments.values()},
        "method": {name: name for name in report.methods},
        "deployment": {name: name for name in report.deployments},
    }


def _text(name: str) -> str:
    return (HERE / name).read_text()


def _vendored(name: str) -> str:
    return SOURCE_MAP.sub("", _text(f"vendor/{name}"))


def _module(has_charts: bool) -> str:
    """The page's own script; with charts, in one module with the interpreter that it calls."""
    drawing = [_interpreter(), _text("charts.js")] if has_charts else []
    return "\n".join([*drawing, _text("filters.js")])


def _interpreter() -> str:
    """As a function's value, for no module of a page without addresses can import another."""
    text = IMPORT.sub(r"const \1 = vega;", _vendored(INTERPRETER))
    return f"const expressionInterpreter = (() => {{{EXPORT.sub(RETURN, text)}}})();"


def _policy(scripts: list[str]) -> str:
    """No address may be fetched, and no other script run, whatever a name in a result contains."""
    sums = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in sums)
    rest = "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; {rest}"


def _data(report: Report) -> dict[str, Any]:
    """What the scripts need: names, and the points of the charts by their numbers."""
    return {
        "deployments": list(report.deployments),
        "tiers": list(report.deployments.values()),
        "methods": report.methods,
        "sizes": report.sizes,
        "charts": [_chart(chart) for section in report.sections for chart in section.charts],
    }


def _chart(chart: Chart) -> dict[str, Any]:
    """Without what stands on the page already."""
    return {name: value for name, value in chart._asdict().items() if name != "caption"} | {
        "x": chart.x._asdict(),
        "y": chart.y._asdict(),
    }


def _inlined(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def _trusted(text: str) -> Markup:
    """What is the lab's own, or cannot end the element it stands in."""
    return Markup(text)  # noqa: S704  as it says


def _breakable(name: str) -> Markup:
    """A name that may break into lines behind its dots and dashes."""
    return Markup(re.sub(r"(?<=\w)([.~=_-])(?=\w)", r"\1<wbr>", str(escape(name))))  # noqa: S704  escaped


def _code(text: str) -> Markup:
    """A sentence whose `words` are set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped


def _finding(text: str) -> Markup:
    """A finding whose name or place stands out: what is before its colon."""
    where, colon, what = text.partition(": ")
    return Markup("<strong>{}</strong>{}").format(where, _code(colon + what)) if what else _code(text)


def _keyed(key: Key) -> Markup:
    """The attributes that the filters go by."""
    words = [
        Markup(' data-{}="{}"').format(name, value)
        for name, value in zip(ATTRIBUTES, key, strict=True)
        if value
    ]
    return Markup("").join(words)


def _tone(text: str) -> Markup:
    """Sets off what went wrong; the words say so, too."""
    return Markup(' class="bad"') if text.startswith(BAD) else Markup()
