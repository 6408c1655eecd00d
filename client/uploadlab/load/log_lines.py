"""What Locust prints: its log, its tables and its lists of failures, with words of servers and workers."""

import logging

from uploadlab.plain_text import LONGEST, plain_lines


def make_plain() -> None:
    """Have every handler of Locust's log print plain lines; it prints its tables through its log, too."""
    for name in ("", "locust", "locust.stats_logger"):
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler.formatter, PlainFormatter):
                handler.setFormatter(PlainFormatter(handler.formatter))


class PlainFormatter(logging.Formatter):
    """Another formatter, made safe to print."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, each plain and not too long."""
        return plain_lines(self._inner.format(record), LONGEST)
