"""The registry of parts, and what all of them use."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from uploadlab.analysis.cells import Summary, summarize
from uploadlab.model.measurements import Measurement
from uploadlab.model.runs import Run
from uploadlab.paths import REFERENCE
from uploadlab.presenting.document import Table
from uploadlab.presenting.markdown import markdown
from uploadlab.selection import check
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_size

END = "<!-- end -->\n"


Part = Callable[..., str]


PARTS: dict[str, Part] = {}
FILES: dict[Path, str] = {}
"""What parts make beside themselves."""


def part(make: Part) -> Part:
    """Register a function as a part by its name; it gets the words that follow in the page."""
    PARTS[make.__name__] = make
    return make


@cache
def folder(name: str) -> RunFolder:
    """A committed run."""
    return RunFolder(REFERENCE / name)


@cache
def run(name: str) -> Run:
    """What it says of itself."""
    return folder(name).read_run()


def choice(kind: str, words: str, known: Iterable[str]) -> list[str]:
    """The names that a page gives, with commas; raises UsageError for one that is none."""
    for word in words.split(","):
        check(kind, word, known)
    return words.split(",")


def deployments_of(name: str, words: str) -> list[str]:
    """Those of a run that a page names."""
    return choice("deployment", words, [target.name for target in run(name).targets])


@cache
def measurements(name: str) -> list[Measurement]:
    """All its uploads."""
    return folder(name).read_measurements()


@cache
def summaries(name: str) -> list[Summary]:
    """All its cells."""
    return summarize(run(name), measurements(name))


def titled(table: Table) -> str:
    """A table below its title."""
    return f"### {table.title}\n\n{markdown(table)}\n"


def plain(header: list[str], rows: list[list[str]]) -> str:
    """A table without one; raises ValueError for an empty one, which is no evidence."""
    if not rows:
        raise ValueError(f"nothing was measured for the table {header}")
    return markdown(Table("", header, rows)) + "\n"


def where(name: str) -> str:
    """Where a run was measured, and when."""
    of = run(name)
    kernel = ".".join(of.host.kernel.split(".")[:2])  # what follows is a build of someone's
    return (
        f"runtime {of.runtime}: {of.host.cores} cores of {of.host.cpu}, {format_size(of.host.memory_bytes)}, "
        f"{kernel}, uploads on {of.host.data_filesystem}, {of.started_at[:10]}"
    )
