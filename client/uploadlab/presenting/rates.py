"""The rate of a cell in words: with its range, and marked where it is of few rounds."""

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.model.measurements import Status
from uploadlab.presenting.figures import NO_FIGURE, counted, short
from uploadlab.units import format_size

ROUGH = "~"
"""Before a figure of fewer than five rounds: it is no median."""
ROUGH_LEGEND = f"{ROUGH} before a figure: fewer than {LEAST_ROUNDS} rounds, no median."


def rate_text(summary: Summary) -> str:
    """Return ``1840`` MB/s, ``~1840`` of few rounds; a dash where there is no rate."""
    if summary.mb_per_second is None:
        return NO_FIGURE
    return (ROUGH if summary.rounds < LEAST_ROUNDS else "") + short(summary.mb_per_second)


def range_text(summary: Summary) -> str:
    """Return the slowest and the fastest round, ``1790-1900``; a dash where there is one round or none."""
    low, high = summary.mb_per_second_low, summary.mb_per_second_high
    return NO_FIGURE if low is None or high is None or summary.rounds < 2 else f"{short(low)}-{short(high)}"


def rate_in_full(summary: Summary) -> str:
    """Return ``1840 MB/s (1790-1900 in 5 rounds, 256 MiB)``."""
    spread = range_text(summary)
    rounds = counted(summary.rounds, "round")
    detail = rounds if spread == NO_FIGURE else f"{spread} in {rounds}"
    return f"{rate_text(summary)} MB/s ({detail}, {format_size(summary.size_bytes)})"


def status_text(summary: Summary) -> str:
    """Return what happened to a cell without a rate: ``refused: 501``."""
    more = {Status.WRONG: summary.error, Status.REFUSED: summary.http_status}.get(summary.status)
    return f"{summary.status}: {more}" if more else str(summary.status)
