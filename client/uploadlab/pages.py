"""Puts what can be derived into README.md and docs/: no figure is typed by hand.

``python -m uploadlab.pages`` writes it, ``--check`` fails if a page is stale.
"""

import sys
from collections.abc import Callable

from uploadlab.check.cases import CASES
from uploadlab.check.grid import counts, grids
from uploadlab.deployments import config_texts, load_deployments
from uploadlab.effects import Turned, settings_table
from uploadlab.goals import load_goals
from uploadlab.knobs import load_knobs
from uploadlab.load.summary import summarize_load
from uploadlab.model import Run
from uploadlab.paths import (
    COMPOSE,
    KNOBS,
    RATIOS,
    REFERENCE_CHECK,
    REFERENCE_KNOBS,
    REFERENCE_KNOBS_CHECK,
    REFERENCE_RUN,
    ROOT,
)
from uploadlab.stats import summarize
from uploadlab.store import RunFolder
from uploadlab.table import Table, goal_table, markdown, tables
from uploadlab.units import format_size

END = "<!-- end -->\n"


def rendered(text: str, part: str, content: str) -> str:
    """The page with this content in that part of it."""
    begin = f"<!-- begin: {part} -->\n"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"no part {part!r} with an end")
    return before + begin + content + END + after


def main() -> None:
    """Write, or check."""
    for (page, part), content in PARTS.items():
        path = ROOT / page
        new = rendered(path.read_text(), part, content())
        if "--check" not in sys.argv[1:]:
            path.write_text(new)
        elif new != path.read_text():
            sys.exit(f"{page} is stale: PYTHONPATH=client .venv/bin/python -m uploadlab.pages")


def _reference_tables() -> str:
    """The tables of the committed run, the largest size first."""
    folder = RunFolder(REFERENCE_RUN)
    run = folder.read_run()
    found = tables(run, summarize(run, folder.read_measurements()))
    return "\n".join([*map(_table, reversed(found)), f"Plan `{run.plan}`, {_where(run)}.\n"])


def _goals() -> str:
    """What is divided by what, and what is asked of it."""
    return markdown(goal_table(load_goals(RATIOS))) + "\n"


def _cases() -> str:
    """All rows of the grid, with what they send."""
    rows = [[f"`{one.name}`", one.kind, one.description] for one in CASES.values()]
    return markdown(Table("", ["case", "kind", "what is sent"], rows)) + "\n"


def _grid() -> str:
    """The grid of the committed check."""
    folder = RunFolder(REFERENCE_CHECK)
    run, rows = folder.read_run(), folder.read_checks()
    found, notes = grids(run, rows)
    lines = [f"- {line}\n" for line in [*notes, *counts(run, rows)]]
    return "\n".join([*map(_table, found), "".join(lines), f"From a check, {_where(run)}.\n"])


def _settings() -> str:
    """Each deployment's settings, with what the committed runs of the knobs say of them."""
    declared = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(declared))
    speed, check = RunFolder(REFERENCE_KNOBS), RunFolder(REFERENCE_KNOBS_CHECK)
    run = speed.read_run()
    steps = summarize_load(run, speed.read_steps(), speed.read_uploads())
    turned = Turned(run, speed.read_measurements(), steps, check.read_checks())
    tables = [
        settings_table(one, list(config_texts(ROOT, [one]).values()), knobs, turned)
        for one in declared.values()
    ]
    texts = [f"{_table(one)}" for one in tables if one.rows]
    return "\n".join([*texts, f"From runs of `./scripts/knobs`, {_where(run)}.\n"])


def _table(table: Table) -> str:
    return f"### {table.title}\n\n{markdown(table)}\n"


def _where(run: Run) -> str:
    host = run.host
    return (
        f"runtime {run.runtime}: {host.cores} cores of {host.cpu}, {format_size(host.memory_bytes)}, "
        f"{host.kernel}, uploads on {host.data_filesystem}, {run.started_at[:10]}"
    )


PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "tables of the reference run"): _reference_tables,
    ("docs/method.md", "goals"): _goals,
    ("docs/deployments.md", "settings"): _settings,
    ("docs/checks.md", "cases"): _cases,
    ("docs/checks.md", "grid of the reference check"): _grid,
}


if __name__ == "__main__":
    main()
