"""Puts the tables of the committed reference run into README.md: no figure is typed by hand.

``python -m uploadlab.readme`` writes them, ``--check`` fails if they are stale.
"""

import sys

from uploadlab.model import Run
from uploadlab.paths import REFERENCE_RUN, ROOT
from uploadlab.stats import Summary, summarize
from uploadlab.store import RunFolder
from uploadlab.table import markdown, tables
from uploadlab.units import format_size

BEGIN, END = "<!-- begin: tables of the reference run -->\n", "<!-- end -->\n"


def rendered(readme: str, folder: RunFolder) -> str:
    """The text of the README with the run's tables, the largest size first."""
    run = folder.read_run()
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + _tables(run, summarize(run, folder.read_measurements())) + END + after


def main() -> None:
    """Write, or check."""
    path = ROOT / "README.md"
    text = path.read_text()
    new = rendered(text, RunFolder(REFERENCE_RUN))
    if "--check" in sys.argv[1:]:
        if new != text:
            sys.exit("README.md is stale: PYTHONPATH=client .venv/bin/python -m uploadlab.readme")
    else:
        path.write_text(new)


def _tables(run: Run, summaries: list[Summary]) -> str:
    parts = [f"### {table.title}\n\n{markdown(table)}\n" for table in reversed(tables(run, summaries))]
    host = run.host
    where = (
        f"{host.cores} cores of {host.cpu}, {format_size(host.memory_bytes)}, {host.kernel}, "
        f"uploads on {host.data_filesystem}, {run.started_at[:10]}"
    )
    return "\n".join([*parts, f"Plan `{run.plan}`, runtime {run.runtime}: {where}.\n"])


if __name__ == "__main__":
    main()
