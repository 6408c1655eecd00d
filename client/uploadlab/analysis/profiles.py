"""How much slower uploads were under a profiler."""

from collections.abc import Sequence
from statistics import median

from uploadlab.model.measurements import Measurement, Profiled, Status


def overheads(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> dict[str, list[float]]:
    """How many times as long uploads took under each profiler, as far as both are known."""
    timed: dict[str, list[float]] = {}
    for row in rows:
        if not row.warmup and row.status is Status.OK and row.seconds:
            timed.setdefault(row.cell_id, []).append(row.seconds)
    found: dict[str, list[float]] = {}
    for one in profiled:
        if one.files and one.seconds and one.cell_id in timed:
            found.setdefault(one.kind, []).append(one.seconds / median(timed[one.cell_id]))
    return found
