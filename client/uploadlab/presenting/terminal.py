"""What the user sees. The only module that prints."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from uploadlab.analysis.cells import ceiling_name, summarize
from uploadlab.analysis.comparison import Found
from uploadlab.analysis.diagnosis import diagnose
from uploadlab.analysis.load import summarize_load
from uploadlab.analysis.ratios import growth_rows, ratio_rows
from uploadlab.declared.goals import Goals
from uploadlab.model.checks import Check
from uploadlab.model.comparison import Comparison
from uploadlab.model.measurements import Measurement
from uploadlab.model.runs import Run
from uploadlab.paths import shown
from uploadlab.presenting.comparison import LEGEND, comparison_notes, comparison_tables, difference_lines
from uploadlab.presenting.document import Table
from uploadlab.presenting.grid import counts, grids, warnings
from uploadlab.presenting.load import LOAD_LEGEND, load_notes, load_tables
from uploadlab.presenting.profiles import profile_notes
from uploadlab.presenting.progress import ProgressShown
from uploadlab.presenting.tables import (
    COST_LEGEND,
    RATIO_LEGEND,
    costs,
    limits,
    rate_legend,
    ratio_table,
    reasons,
    tables,
)
from uploadlab.storage.layout import REPORT
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder

CELL_WIDTH, NAME_WIDTH, WIDE = 9, 13, 74
"""Six methods fit into 74 columns; names break at their dots and dashes."""


NARROW_NAME_WIDTH = 9
"""Six methods fit beside the name that Compose puts before each line."""


PLENTY = 1000


RATIO_WIDTH, RATIO_NAME_WIDTH = 17, 16
"""Of ``0.95 [0.93, 0.97]``, and the least of what is divided: a method's name is not to be torn."""


VERDICT_WIDTH = 18
"""Of ``1.42x [1.36, 1.49]``; its word stands above it."""


class Screen:
    """Results on standard output, progress and notes on standard error."""

    def __init__(self) -> None:
        self._out = Console()
        # A table that does not fit would lose columns; in a narrow terminal it rather wraps.
        self._table = Console(width=PLENTY)
        self._notes = Console(stderr=True)

    def note(self, text: str) -> None:
        """One line beside the results."""
        self._notes.print(escape(text), highlight=False, soft_wrap=True)

    @property
    def is_terminal(self) -> bool:
        """Whether someone looks at both results and progress."""
        return self._out.is_terminal and self._notes.is_terminal

    @property
    def columns(self) -> int:
        """The terminal's width."""
        return self._out.width

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Something that takes a while: with the time it has taken, in a terminal."""
        if not self._notes.is_terminal:
            self.note(f"{text} ...")
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(
            *columns, console=self._notes, transient=True, disable=not self._notes.is_terminal
        ) as spinner:
            spinner.add_task(escape(text))
            yield

    def result(self, run: Run, rows: Sequence[Measurement], folder: RunFolder, goals: Goals) -> None:
        """The tables, what was not ok, why it was slow, and what is asked of it."""
        summaries = summarize(run, rows)
        for table in tables(run, summaries):
            self._table.print(_rich(table, NAME_WIDTH if self._out.width >= WIDE else NARROW_NAME_WIDTH))
            self._table.print()
        self._table.print(_rich(costs(run, summaries), PLENTY))
        self._table.print()
        self._out.print(f"{rate_legend(ceiling_name(run))} {COST_LEGEND}", highlight=False)
        self._lines([*limits(summaries), *reasons(summaries), *diagnose(run, rows, read_calls(folder))])
        self._lines(profile_notes(rows, folder.read_profiled()))
        self._ratios(ratio_table(ratio_rows(run, rows, goals), growth_rows(run, rows, goals.growth)))

    def _ratios(self, table: Table) -> None:
        """The ratios with their legend, if the run has any."""
        if table.rows:
            self._table.print()
            self._table.print(_rich(table, self._beside(table, RATIO_WIDTH), RATIO_WIDTH))
            self._table.print()
            self._out.print(RATIO_LEGEND, highlight=False)

    def comparison(
        self, found: Found, differs: Mapping[str, Sequence[str]], comparison: Comparison | None = None
    ) -> None:
        """The verdicts, with what is different in the settings."""
        for table in comparison_tables(found, comparison):
            self._table.print(_rich(table, self._beside(table, VERDICT_WIDTH), VERDICT_WIDTH))
            self._table.print()
        self._out.print(LEGEND.format(base=found.base), highlight=False)
        self._lines(comparison_notes(found, comparison.within if comparison else None))
        self.text(difference_lines(differs, found.base))

    def _beside(self, table: Table, cell_width: int) -> int:
        """The width that names have beside cells of that width."""
        columns = list(zip(table.header, *table.rows, strict=True))[1:]
        beside = sum(1 + min(cell_width, max(map(len, column))) for column in columns)
        return max(RATIO_NAME_WIDTH, self._out.width - beside)

    def load_result(self, run: Run, folder: RunFolder) -> None:
        """The tables of concurrent uploads, with what is to be known of them."""
        summaries = summarize_load(run, folder.read_steps(), folder.read_uploads())
        for table in load_tables(summaries):
            self._table.print(_rich(table, NAME_WIDTH if self._out.width >= WIDE else NARROW_NAME_WIDTH))
            self._table.print()
        self._out.print(LOAD_LEGEND, highlight=False)
        self._lines(load_notes(summaries))

    def check_result(self, run: Run, rows: Sequence[Check]) -> None:
        """The grid, its notes, and what the tuned deployments fall short of."""
        tables, notes = grids(run, rows)
        for table in tables:
            self._table.print(_rich(table, PLENTY))
            self._table.print()
        self._lines([*notes, *counts(run, rows), *warnings(run, rows)])

    def _lines(self, lines: Sequence[str]) -> None:
        """Notes below a table."""
        for line in lines:
            self._out.print(f"  {escape(line)}", highlight=False, soft_wrap=True)

    def where(self, folder: RunFolder) -> None:
        """Where it all lies."""
        self._out.print(f"Run: {escape(shown(folder.path))}", highlight=False, soft_wrap=True)

    def report(self, folder: RunFolder) -> None:
        """Where its report is."""
        self._out.print(f"Report: {escape(shown(folder.path / REPORT))}", highlight=False, soft_wrap=True)

    def text(self, lines: Sequence[str]) -> None:
        """Results that are lines already."""
        for line in lines:
            self._out.print(escape(line), highlight=False, soft_wrap=True)

    def raw(self, text: str) -> None:
        """A result that is for another program as it is."""
        sys.stdout.write(text)

    def progress(self, total: int, what: str) -> "ProgressShown":
        """Progress of a run: a bar in a terminal, now and then a line elsewhere."""
        return ProgressShown(self._notes, total, what)


def fail(text: str, program: str) -> None:
    """One line on standard error."""
    print(f"{program}: {text}", file=sys.stderr)


def _rich(table: Table, name_width: int, cell_width: int = CELL_WIDTH) -> RichTable:
    rich = RichTable(
        title=table.title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=0,
        pad_edge=False,
    )
    rich.add_column(table.header[0])
    for name in table.header[1:]:
        rich.add_column(_broken(name.replace(".", ". "), cell_width), justify="right")
    for name, *cells in table.rows:
        rich.add_row(_broken(name, name_width), *(_broken(text, cell_width) for text in cells))
    return rich


def _broken(text: str, width: int) -> str:
    """In lines of that width, all as far in as the first."""
    bare = text.lstrip()
    indent = " " * (len(text) - len(bare))
    return escape("\n".join(wrap(bare, width, initial_indent=indent, subsequent_indent=indent)))
