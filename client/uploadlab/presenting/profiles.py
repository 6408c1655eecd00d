"""What profiling cost, as text."""

from collections.abc import Sequence

from uploadlab.analysis.profiles import overheads
from uploadlab.model.measurements import Measurement, Profiled


def profile_notes(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> list[str]:
    """What profiling cost, and what could not be profiled, in lines."""
    lines = [
        f"Under the profiler of {kind}, uploads took {_range(times)} times as long."
        for kind, times in overheads(rows, profiled).items()
    ]
    notes = dict.fromkeys(f"{one.cell_id}: not profiled: {one.note}" for one in profiled if one.note)
    return lines + list(notes)


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
