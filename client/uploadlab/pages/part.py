"""The registry of parts, and the kept runs that all of them show."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from uploadlab.analysis.cells import Summary, summarize
from uploadlab.analysis.load import LoadSummary, summarize_load
from uploadlab.errors import LabError
from uploadlab.paths import REFERENCE
from uploadlab.presenting.document import Table, TableRow
from uploadlab.presenting.markdown import markdown
from uploadlab.selection import check
from uploadlab.storage.reader import StoredRun, read_run_folder
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_size

END = "<!-- end -->\n"
Part = Callable[..., str]
PARTS: dict[str, Part] = {}
FILES: dict[Path, str] = {}
"""The texts of generated files by their paths; a part may add a file of its own."""


def page_part(make: Part) -> Part:
    """Register a function as a part by its name; it gets the words that follow in the page."""
    PARTS[make.__name__] = make
    return make


@cache
def kept(name: str) -> StoredRun:
    """Return a run that is kept for the pages; raises LabError unless all of it can be read."""
    stored = read_run_folder(RunFolder(REFERENCE / name))
    if stored.notices:
        raise LabError(f"{name}: {' '.join(stored.notices)}")
    return stored


@cache
def kept_cells(name: str) -> list[Summary]:
    """Return the cells of a kept run."""
    return summarize(kept(name).run, kept(name).rows)


@cache
def kept_steps(name: str) -> list[LoadSummary]:
    """Return the steps of concurrent uploads of a kept run."""
    stored = kept(name)
    return summarize_load(stored.run, stored.steps, stored.uploads)


def split_names(kind: str, words: str, known: Iterable[str]) -> list[str]:
    """Return the names that a page gives, with commas; raises UsageError for an unknown name."""
    names = words.split(",")
    for name in names:
        check(kind, name, known)
    return names


def deployments_of(name: str, words: str) -> list[str]:
    """Return those deployments of a kept run that a page names."""
    return split_names("deployment", words, [target.name for target in kept(name).run.targets])


def titled(table: Table) -> str:
    """Return a table below its title."""
    return f"### {table.title}\n\n{markdown(table)}\n"


def untitled(header: Sequence[str], rows: Iterable[list[str]]) -> str:
    """Return a table without a title; raises ValueError for an empty one, which is no evidence."""
    table = Table("", header, [TableRow(cells) for cells in rows])
    if not table.rows:
        raise ValueError(f"nothing was measured for the table {header}")
    return markdown(table) + "\n"


def where_measured(name: str) -> str:
    """Return where and when a kept run was measured."""
    run = kept(name).run
    kernel = ".".join(run.host.kernel.split(".")[:2])  # the rest names a single build
    return (
        f"runtime {run.runtime}: {run.host.cores} cores of {run.host.cpu}, "
        f"{format_size(run.host.memory_bytes)}, {kernel}, uploads on {run.host.data_filesystem}, "
        f"{run.started_at[:10]}"
    )
