"""How much slower uploads were under a profiler."""

from collections.abc import Sequence
from statistics import median

from uploadlab.model.measurements import Measurement, Profiled, Status


def overheads(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> dict[str, list[float]]:
    """Return by profiler how many times as long uploads took under it, as far as both times are known."""
    timed: dict[str, list[float]] = {}
    for row in rows:
        if not row.warmup and row.status is Status.OK and row.seconds:
            timed.setdefault(row.cell_id, []).append(row.seconds)
    found: dict[str, list[float]] = {}
    for profile in profiled:
        if profile.files and profile.seconds and profile.cell_id in timed:
            found.setdefault(profile.kind, []).append(profile.seconds / median(timed[profile.cell_id]))
    return found
