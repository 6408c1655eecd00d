"""What the user sees. The only module that prints."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TimeElapsedColumn
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
from uploadlab.plain_text import plain, plain_lines
from uploadlab.presenting.comparison import (
    LEGEND,
    comparison_notes,
    comparison_tables,
    setting_differences,
)
from uploadlab.presenting.console import PlainConsole, progress_bar
from uploadlab.presenting.document import Table
from uploadlab.presenting.grid import counts, grids, warnings
from uploadlab.presenting.load import LOAD_LEGEND, load_notes, load_tables
from uploadlab.presenting.tables import (
    COST_LEGEND,
    RATIO_LEGEND,
    cost_table,
    failure_notes,
    limit_notes,
    profile_notes,
    rate_legend,
    rate_tables,
    ratio_table,
)
from uploadlab.storage.files import REPORT
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_seconds

PLAIN_SECONDS = 5.0
"""Between two lines about the progress where there is no terminal."""
CELL_WIDTH, NAME_WIDTH, WIDE = 9, 13, 74
"""Six methods fit into 74 columns; names break at their dots and dashes."""
NARROW_NAME_WIDTH = 9
"""Six methods fit beside the name that Compose puts before each line."""
RATIO_WIDTH, RATIO_NAME_WIDTH = 18, 16
"""The width of ``1.42x [1.36, 1.49]``, and the least of a row's name, which holds a method's name whole."""
PLENTY = 1000
"""A width that breaks nothing."""


class Screen:
    """Results on standard output, progress and notes on standard error."""

    def __init__(self) -> None:
        self._out = PlainConsole()
        # A table that does not fit would lose columns; in a narrow terminal it rather wraps.
        self._wide = PlainConsole(width=PLENTY)
        self._notes = PlainConsole(stderr=True)

    def note(self, text: str) -> None:
        """Print one line beside the results."""
        self._notes.print_line(text)

    @property
    def is_terminal(self) -> bool:
        """Whether both results and progress go to a terminal."""
        return self._out.is_terminal and self._notes.is_terminal

    @property
    def columns(self) -> int:
        """The terminal's width."""
        return self._out.width

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show, in a terminal, how long something has taken while it goes on."""
        if not self._notes.is_terminal:
            self.note(f"{text} ...")
        columns = SpinnerColumn(), "{task.description}", TimeElapsedColumn()
        with progress_bar(*columns, console=self._notes, disable=not self._notes.is_terminal) as spinner:
            spinner.add_task(text)
            yield

    def result(self, run: Run, rows: Sequence[Measurement], folder: RunFolder, goals: Goals) -> None:
        """Print the tables, what failed, why it was slow, and the goals."""
        summaries = summarize(run, rows)
        self._tables(rate_tables(run, summaries), self._name_width)
        self._tables([cost_table(run, summaries)], PLENTY)
        self._legend(f"{rate_legend(ceiling_name(run))} {COST_LEGEND}")
        causes = diagnose(run, rows, read_calls(folder))
        self._below([*limit_notes(summaries), *failure_notes(summaries), *causes])
        self._below(profile_notes(rows, folder.read_profiled()))
        ratios = ratio_table(ratio_rows(run, rows, goals), growth_rows(run, rows, goals.growth))
        if ratios.rows:
            self._wide.print()
            self._ratio_tables([ratios])
            self._legend(RATIO_LEGEND)

    def comparison(
        self, found: Found, differs: Mapping[str, Sequence[str]], comparison: Comparison | None = None
    ) -> None:
        """Print the verdicts, and the settings that differ."""
        self._ratio_tables(comparison_tables(found, comparison))
        self._legend(LEGEND.format(base=found.base))
        self._below(comparison_notes(found, comparison.within if comparison else None))
        for title, lines in setting_differences(differs, found.base).items():
            self.text([f"{title}:"])
            self._below(lines)

    def load_result(self, run: Run, folder: RunFolder) -> None:
        """Print the tables of concurrent uploads, with their notes."""
        summaries = summarize_load(run, folder.read_steps(), folder.read_uploads())
        self._tables(load_tables(summaries), self._name_width)
        self._legend(LOAD_LEGEND)
        self._below(load_notes(summaries))

    def check_result(self, run: Run, rows: Sequence[Check]) -> None:
        """Print the grid, its notes, and where the tuned deployments fall short."""
        tables, notes = grids(run, rows)
        self._tables(tables, PLENTY)
        self._below([*notes, *counts(run, rows), *warnings(run, rows)])

    def where(self, folder: RunFolder) -> None:
        """Print where the run lies."""
        self.text([f"Run: {shown(folder.path)}"])

    def report(self, folder: RunFolder) -> None:
        """Print where the run's report lies."""
        self.text([f"Report: {shown(folder.path / REPORT)}"])

    def text(self, lines: Iterable[str]) -> None:
        """Print results that are lines already."""
        for line in lines:
            self._out.print_line(line)

    def raw(self, text: str) -> None:
        """Print a result that is for another program, whose lines may be long."""
        sys.stdout.write(plain_lines(text))

    def progress(self, total: int, what: str) -> "ProgressShown":
        """Return the progress of a run: a bar in a terminal, now and then a line elsewhere."""
        return ProgressShown(self._notes, total, what)

    @property
    def _name_width(self) -> int:
        return NAME_WIDTH if self._out.width >= WIDE else NARROW_NAME_WIDTH

    def _ratio_tables(self, tables: Iterable[Table]) -> None:
        """Print tables of ratios; names get the width that the other columns leave."""
        for table in tables:
            cells = [row.cells for row in table.rows if row.cells[1:]]
            columns = list(zip(table.header, *cells, strict=True))[1:]
            beside = sum(1 + min(RATIO_WIDTH, max(map(len, column))) for column in columns)
            self._tables([table], max(RATIO_NAME_WIDTH, self._out.width - beside), RATIO_WIDTH)

    def _tables(self, tables: Iterable[Table], name_width: int, cell_width: int = CELL_WIDTH) -> None:
        for table in tables:
            self._wide.print(_rich(table, name_width, cell_width))
            self._wide.print()

    def _legend(self, text: str) -> None:
        self._out.print(text)

    def _below(self, lines: Iterable[str]) -> None:
        """Print notes below a table or a title."""
        self.text(f"  {line}" for line in lines)


class ProgressShown:
    """A bar, or lines: the watcher that the stages of a run report to."""

    def __init__(self, console: PlainConsole, total: int, what: str) -> None:
        self._console = console
        self._total, self._what = total, what
        self._last_line = time.monotonic()
        self._bar = progress_bar(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            "{task.fields[left]}",
            console=console,
            disable=not console.is_terminal,
            auto_refresh=False,  # drawn between uploads, never beside one that is being timed
        )
        self._task = self._bar.add_task("starting", total=total, left="")

    def __enter__(self) -> "ProgressShown":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print_line(text)

    def began(self, what: str) -> None:
        """Name the upload in work."""
        self._bar.update(self._task, description=what, refresh=True)

    def ended(self, left: int, seconds_left: float) -> None:
        """Move on, and show how long the rest will take."""
        rest = f"about {format_seconds(seconds_left)} left"
        done = self._total - left
        self._bar.update(self._task, completed=done, left=rest, refresh=True)
        if not self._console.is_terminal and time.monotonic() - self._last_line > PLAIN_SECONDS:
            self._last_line = time.monotonic()
            self.note(f"{done} of {self._total} {self._what}, {rest}")


def fail(text: str, program: str) -> None:
    """Print one line on standard error."""
    print(f"{program}: {plain(text)}", file=sys.stderr)


def _rich(table: Table, name_width: int, cell_width: int) -> RichTable:
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
    for row in table.rows:
        first, *cells = row.cells
        indent = "  " if row.is_below else ""
        rich.add_row(_broken(first, name_width, indent), *(_broken(text, cell_width) for text in cells))
    return rich


def _broken(text: str, width: int, indent: str = "") -> str:
    """Return the text in lines of that width, indented alike."""
    return "\n".join(wrap(plain(text), width, initial_indent=indent, subsequent_indent=indent))
