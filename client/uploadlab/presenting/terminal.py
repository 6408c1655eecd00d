"""What the user sees. The only module that prints."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TimeElapsedColumn
from rich.style import Style
from rich.text import Text

from uploadlab.paths import in_container, shown
from uploadlab.plain_text import plain, plain_lines
from uploadlab.presenting.console import PlainConsole, progress_bar
from uploadlab.presenting.document import Document, Section
from uploadlab.presenting.terminal_answer import HEAD_WIDTH, answer_lines
from uploadlab.presenting.terminal_sections import opening_lines, section_lines
from uploadlab.presenting.terminal_tables import fitted, is_cut
from uploadlab.units import format_seconds

PLAIN_SECONDS = 5.0
"""Between two lines about the progress where there is no terminal."""
MOST_LINES = 25
"""Of the end of a run: what a terminal shows without scrolling."""


class Screen:
    """Results on standard output, progress and notes on standard error."""

    def __init__(self, tables: bool = False) -> None:
        self._out = PlainConsole()
        self._notes = PlainConsole(stderr=True)
        self.tables = tables
        """Whether the user wants all tables before the answer."""

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

    def answer(self, document: Document, place: Path | None = None, problem: str = "") -> None:
        """Print the answer within a terminal of 25 lines, then where the report is and what to type next.

        ``place`` is the report's file; ``problem`` says why it could not be written.
        """
        for notice in document.notices:
            self.note(notice)
        rest = _pointers(document, place, problem)
        for line in answer_lines(document, self._out.width, MOST_LINES - sum(map(len, rest)) - 1):
            self._out.print(line, soft_wrap=True)
        self._out.print()
        for lines in rest:
            for line in lines:
                self._out.print(line, soft_wrap=True)

    def in_full(self, document: Document) -> None:
        """Print the answer first, then every section that is not too long, then what to type next."""
        lines = opening_lines(document, self._out.width)
        for section in document.sections:
            if not section.is_long and section.has_text:
                lines += section_lines(section, self._out.width)
        for line in [*lines, *(line for pointer in _pointers(document, None, "") for line in pointer)]:
            self._out.print(line, soft_wrap=True)

    def details(self, document: Document) -> None:
        """Print all sections that are not too long, within the terminal's width."""
        for section in document.sections:
            if not section.is_long and section.has_text:
                self._section(section)

    def _section(self, section: Section) -> None:
        self._out.print(Text(section.title.upper(), style="bold"))
        for line in section.intro:
            self._out.print(line)
        self._out.print()
        for table in section.tables:
            self._out.print(fitted(table, self._out.width))
            if is_cut(table, self._out.width):
                self._out.print("The report has more columns.")
            self._out.print()
        for line in [*section.footnotes, *section.notes]:
            self._out.print(f"- {line}")
        for name, text in section.texts.items():
            self._out.print(f"{name}:")
            self._below(text.splitlines())
        self._out.print()

    def report(self, place: Path) -> None:
        """Print where a report lies."""
        self.text([f"Report: {shown(place)}"])

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


def _pointers(document: Document, place: Path | None, problem: str) -> list[list[Text]]:
    """Return the lines that say where the report is, and what to type next."""
    pointers = []
    if problem:
        pointers.append([_pointer("Report", Text(f"could not be written: {problem}"))])
    elif place:
        # A container does not know where its folder lies on the host.
        link = None if in_container() else place.resolve().as_uri()
        pointers.append([_pointer("Report", Text(plain(shown(place)), style=Style(link=link)))])
    for what, command in list(document.commands.items())[:1]:
        pointers.append([_pointer("Next", Text(plain(what) + ":")), _pointer("", Text(plain(command)))])
    return pointers


def _pointer(head: str, text: Text) -> Text:
    return Text.assemble((f"{head:<{HEAD_WIDTH}}", "bold" if head else ""), text)
