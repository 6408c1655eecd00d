"""Progress of a run: a bar in a terminal, a line now and then elsewhere."""

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from uploadlab.units import format_seconds

PLAIN_SECONDS = 5.0
"""Between two lines about the progress where there is no terminal."""


class ProgressShown:
    """A bar, or lines: the watcher that the stages of a run report to."""

    def __init__(self, console: Console, total: int, what: str) -> None:
        self._console = console
        self._total, self._what = total, what
        self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
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
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def began(self, what: str) -> None:
        """Name the upload in work."""
        self._bar.update(self._task, description=escape(what), refresh=True)

    def ended(self, left: int, seconds_left: float) -> None:
        """Move on, and show how long the rest will take."""
        rest = f"about {format_seconds(seconds_left)} left"
        done = self._total - left
        self._bar.update(self._task, completed=done, left=rest, refresh=True)
        if not self._console.is_terminal and time.monotonic() - self._last_line > PLAIN_SECONDS:
            self._last_line = time.monotonic()
            self.note(f"{done} of {self._total} {self._what}, {rest}")
