"""The README's story: the usual upload handler against the recommended one, in code and in figures."""

import ast
from difflib import ndiff

from uploadlab.analysis.cells import Summary
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.pages.own_apps import APPS
from uploadlab.pages.part import deployments_of, kept_cells, page_part, split_names, untitled
from uploadlab.presenting.figures import NO_FIGURE, hundredths
from uploadlab.presenting.tables import cell_text
from uploadlab.units import format_size

HANDLER = "upload"
"""The function of an example that stores a file."""


@page_part
def handler_change(usual: str, recommended: str) -> str:
    """Return how the handler of one example app differs from that of another."""
    before, after = _handler(usual), _handler(recommended)
    lines = [line for line in ndiff(before, after) if not line.startswith("?")]
    return "```diff\n" + "\n".join(f"{line[0]}{line[2:]}".rstrip() for line in lines) + "\n```\n"


def _handler(name: str) -> list[str]:
    """Return the lines of an example's handler, its docstring left out."""
    source = (APPS / name / "app.py").read_text()
    (found,) = (
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == HANDLER
    )
    docstring = found.body[0]
    first = min(decorator.lineno for decorator in found.decorator_list)
    return [
        line
        for number, line in enumerate(source.splitlines(), 1)
        if first <= number <= (found.end_lineno or 0) and number != docstring.lineno
    ]


@page_part
def handler_figures(name: str, methods: str, deployments: str) -> str:
    """Return MB/s and CPU seconds per GB of these methods at these deployments of a kept run."""
    names, columns = deployments_of(name, deployments), split_names("method", methods, ALL_METHODS)
    cells = {(cell.deployment, cell.method): cell for cell in kept_cells(name)}
    (size,) = {cell.size_bytes for cell in cells.values()}
    header = [f"MB/s (CPU s/GB), {format_size(size)}", *(f"`{method}`" for method in columns)]
    rows = [
        [f"`{target}`", *(_figure(cells.get((target, method))) for method in columns)] for target in names
    ]
    return untitled(header, rows)


def _figure(cell: Summary | None) -> str:
    if cell is None or cell.mb_per_second is None:
        return f"**{cell_text(cell)}**" if cell else NO_FIGURE
    cpu = cell.cpu_seconds_per_gb
    return f"{cell.mb_per_second:.0f}" + (f" ({hundredths(cpu)})" if cpu is not None else "")
