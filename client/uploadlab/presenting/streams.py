"""Standard input, output and error: closed, full, or without letters for a name."""

import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from uploadlab.plain_text import plain, plain_lines

CLOSED_BY_READER = errno.EPIPE
BETWEEN = re.compile(r"[^\x1b\r]+")
"""Text between what a terminal acts upon."""
FOR_TERMINALS = ("TTY_COMPATIBLE", "FORCE_COLOR")
"""Variables by which rich writes for a terminal behind a pipe, as Compose's is."""


class LossyStream(io.TextIOWrapper):
    """A text stream that drops what it cannot write: a note must not end a run."""

    def write(self, text: str) -> int:
        """Write, if possible."""
        with suppress(OSError):
            super().write(_printable(text, self))
        return len(text)

    def flush(self) -> None:
        """Flush, if possible."""
        with suppress(OSError):
            super().flush()


class ResultStream(io.TextIOWrapper):
    """Standard output that keeps why it takes nothing more."""

    fault: OSError | None = None

    def write(self, text: str) -> int:
        """Write; raise OSError."""
        with self._watched():
            super().write(_printable(text, self))
        return len(text)

    def flush(self) -> None:
        """Flush; raise OSError."""
        with self._watched():
            super().flush()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.fault = error
            raise


def secure_streams() -> None:
    """Have three open streams, which take every text, and an error stream that never fails."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(fd, True)  # a server must not get it for a connection
    if sys.stdout is None or sys.stdout is sys.__stdout__:  # None: it was closed when Python started
        encoding, at_lines = (sys.stdout.encoding, sys.stdout.isatty()) if sys.stdout else ("utf-8", False)
        out = open(1, "wb", closefd=False)  # noqa: SIM115  open to the end
        sys.stdout = ResultStream(out, encoding, errors="backslashreplace", line_buffering=at_lines)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        encoding = sys.stderr.encoding if sys.stderr else "utf-8"
        raw = open(2, "wb", buffering=0, closefd=False)  # noqa: SIM115  open to the end
        sys.stderr = LossyStream(raw, encoding, errors="backslashreplace", write_through=True)


def output_fault() -> OSError | None:
    """Return why standard output took not everything, if so; from then on it goes nowhere."""
    with suppress(OSError):
        sys.stdout.flush()
    fault = getattr(sys.stdout, "fault", None)
    if fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return fault


def print_if_possible(text: str) -> None:
    """Print a line whose loss changes nothing."""
    with suppress(OSError):
        print(plain(text), flush=True)
    if output_fault() and isinstance(sys.stdout, ResultStream):
        sys.stdout.fault = None


def fail(text: str, program: str) -> None:
    """Print one line on standard error."""
    print(f"{program}: {plain(text)}", file=sys.stderr)


def columns() -> int:
    """Return the width of the terminal that any of the three streams is; 80 without one."""
    for stream in (sys.__stdout__, sys.__stdin__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):  # no terminal, or closed
            return int(os.environ.get("COLUMNS") or os.get_terminal_size(stream.fileno()).columns)  # type: ignore[union-attr]
    return 80


def print_lines(lines: Iterable[str]) -> None:
    """Print results that are lines already, without what a screen with colours has to load."""
    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)


def _printable(text: str, stream: io.TextIOWrapper) -> str:
    """Return text of any kind, such as an error's, without what a terminal would act upon.

    In a terminal the lab's own colours and progress bars remain: their text is plain already.
    """
    shows_escapes = stream.isatty() or any(os.environ.get(name) for name in FOR_TERMINALS)
    return BETWEEN.sub(lambda found: plain_lines(found[0]), text) if shows_escapes else plain_lines(text)
