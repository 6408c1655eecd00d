"""Parts of docs/own-app.md: what each server does with four apps that are not the lab's."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.model.deployments import REFERENCE as CEILING
from uploadlab.pages.part import kept, kept_cells, page_part, untitled, where_measured
from uploadlab.paths import REFERENCE, ROOT
from uploadlab.presenting.figures import few, grouped, hundredths, mib
from uploadlab.presenting.rates import rate_text

APPS = ROOT / "tests" / "own_apps"
RUNS = {app.parent.name: f"own-app-{app.parent.name.replace('_', '-')}" for app in APPS.glob("*/app.py")}
"""The kept run of each example, which scripts/reference measures."""
HEADER = ["server", "MB/s", "CPU s/GB", "peak memory", "spooled"]
NO_FIGURE = "-"
MOST_NAMES = 6
"""Of servers that are left out: where more are, the table shows who is in."""


@page_part
def own_app(name: str) -> str:
    """Return the source of an example, and what each server did with it, the fastest first."""
    source = (APPS / name / "app.py").read_text().strip()
    return f"```python\n{source}\n```\n\n{_table(RUNS[name])}"


@page_part
def own_apps_measured() -> str:
    """Return where the kept runs were measured."""
    return "".join(
        f"- `{name}`: {where_measured(run)}\n" for name, run in sorted(RUNS.items()) if _is_kept(run)
    )


def _is_kept(run: str) -> bool:
    return (REFERENCE / run).exists()


def _table(run: str) -> str:
    if not _is_kept(run):
        return "Not measured yet: `./scripts/reference` does it.\n"
    targets = {target.name: target for target in kept(run).run.targets}
    cells = [cell for cell in kept_cells(run) if targets[cell.deployment].tier != CEILING]
    tried = [cell for cell in cells if not targets[cell.deployment].unsuited]
    by_method = grouped((cell.method, cell) for cell in tried)
    tables = [
        f"By `{method}`:\n\n{untitled(HEADER, map(_line, _in_order(found)))}"
        for method, found in by_method.items()
    ]
    reasons = grouped((target.unsuited, name) for name, target in targets.items() if target.unsuited)
    left_out = [f"Left out: {_few_names(names)}, since {why}.\n" for why, names in reasons.items()]
    return "\n".join([*tables, *left_out])


def _few_names(names: Sequence[str]) -> str:
    return few(names) if len(names) > MOST_NAMES else few(names, len(names))


def _in_order(cells: Sequence[Summary]) -> list[Summary]:
    return sorted(cells, key=lambda cell: -(cell.mb_per_second or 0.0))


def _line(cell: Summary) -> list[str]:
    rate = rate_text(cell) if cell.mb_per_second is not None else f"{cell.status}: {cell.error}"
    return [
        f"`{cell.deployment}`",
        rate,
        hundredths(cell.cpu_seconds_per_gb) if cell.cpu_seconds_per_gb is not None else NO_FIGURE,
        *(
            mib(size) if size is not None else NO_FIGURE
            for size in (cell.server_peak_rss_bytes, cell.spooled_bytes)
        ),
    ]
