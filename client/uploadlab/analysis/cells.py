"""From raw measurements to one summary a cell. Pure: files in, figures out."""

from collections.abc import Collection, Iterable, Sequence
from statistics import median
from typing import Any

from msgspec import Struct

from uploadlab.model.deployments import REFERENCE
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Run

MB, GB = 1e6, 1e9


LIMIT = 0.1
"""How near to all of the time a busy client is the limit, and how near to a rate the ceiling."""


class Summary(Struct, frozen=True):
    """What a cell came to."""

    deployment: str
    method: str
    size_bytes: int
    status: Status
    rounds: int
    mb_per_second: float | None = None
    """Median over the rounds, in 10^6 bytes a second; None unless every round is ok."""
    share: float | None = None
    """Of the reference's rate at the same size in the same run."""
    client_limited: bool = False
    """Whether client or ceiling were the limit: the rate says little of the server."""
    http_status: int | None = None
    error: str | None = None
    cpu_seconds_per_gb: float | None = None
    """CPU of all the server's processes for 10^9 bytes, median."""
    server_peak_rss_bytes: int | None = None
    """Of all the server's processes together, the highest of the rounds."""
    client_peak_rss_bytes: int | None = None
    spooled_bytes: int | None = None
    """Written to disk besides the stored file, median."""


def summarize(run: Run, rows: Iterable[Measurement]) -> list[Summary]:
    """Summaries in the order of the run's cells; a cell not measured yet is left out."""
    cells = by_cell(rows)
    references = reference_names(run)
    ceilings = _reference_rates(run, cells, references[:1])
    all_rates = _reference_rates(run, cells, references)
    return [
        _summary(
            measured,
            next(iter(ceilings.get(cell.size_bytes, [])), None),
            cell.deployment not in references and _is_limited(measured, all_rates.get(cell.size_bytes, [])),
        )
        for cell, *_ in run.cells
        if (measured := cells.get(cell.id))
    ]


def by_cell(rows: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """What counts of each cell, by its id: no warm-ups, no attempt that was made again."""
    cells: dict[str, list[Measurement]] = {}
    for row in rows:
        if not row.warmup:
            cells.setdefault(row.cell_id, []).append(row)
    return {cell_id: latest_attempt(measured) for cell_id, measured in cells.items()}


def latest_attempt(rows: list[Measurement]) -> list[Measurement]:
    """Without the rows that say "unavailable" of rounds that could be measured after all."""
    done = {(row.cell_id, row.round) for row in rows if row.status is not Status.UNAVAILABLE}
    return [
        row for row in rows if row.status is not Status.UNAVAILABLE or (row.cell_id, row.round) not in done
    ]


def reference_names(run: Run) -> list[str]:
    """The run's references, as compose.yaml has them."""
    return [target.name for target in run.targets if target.tier == REFERENCE]


def ceiling_name(run: Run) -> str | None:
    """The reference that shares are taken of: the first of the run, if it has one."""
    return next(iter(reference_names(run)), None)


def _reference_rates(
    run: Run, cells: dict[str, list[Measurement]], references: Collection[str]
) -> dict[int, list[float]]:
    """The rates of these references by size, in the order of the run's cells."""
    rates: dict[int, list[float]] = {}
    for cell, *_ in run.cells:
        if cell.deployment in references and (rate := _rate(cells.get(cell.id, []))):
            rates.setdefault(cell.size_bytes, []).append(rate)
    return rates


def _is_limited(rows: Sequence[Measurement], references: Sequence[float]) -> bool:
    """Whether the client was busy all the time, or the rate is about that of the fastest reference.

    A rate well above every reference is limited by none of them.
    """
    rate = _rate(rows)
    if not rate:
        return False
    busy = [row.client_cpu_seconds / row.seconds for row in rows if row.client_cpu_seconds and row.seconds]
    client = bool(busy) and median(busy) >= 1 - LIMIT
    return client or (bool(references) and abs(rate / max(references) - 1) <= LIMIT)


def _summary(rows: Sequence[Measurement], ceiling: float | None, client_limited: bool) -> Summary:
    first = rows[0]
    bad = next((row for row in rows if row.status is not Status.OK), None)
    rate = _rate(rows)
    return Summary(
        deployment=first.deployment,
        method=first.method,
        size_bytes=first.size_bytes,
        status=bad.status if bad else Status.OK,
        rounds=len(rows),
        mb_per_second=rate,
        share=rate / ceiling if rate and ceiling else None,
        client_limited=client_limited,
        http_status=bad.http_status if bad else None,
        error=bad.error if bad else None,
        cpu_seconds_per_gb=_per_gb(rows),
        server_peak_rss_bytes=max(_known(rows, "server_peak_rss_bytes"), default=None),
        client_peak_rss_bytes=max(_known(rows, "client_peak_rss_bytes"), default=None),
        spooled_bytes=_median(_known(rows, "spooled_bytes")),
    )


def _per_gb(rows: Sequence[Measurement]) -> float | None:
    """Of a cell whose uploads all arrived: what a lost one cost says nothing."""
    known = _known(rows, "server_cpu_seconds")
    if not known or any(row.status not in ACCEPTED for row in rows):
        return None
    return float(median(known)) / rows[0].size_bytes * GB


def _known(rows: Sequence[Measurement], field: str) -> list[Any]:
    """A field's values, as far as it could be measured."""
    return [value for row in rows if (value := getattr(row, field)) is not None]


def _median(values: list[int]) -> int | None:
    return round(median(values)) if values else None


def _rate(rows: Sequence[Measurement]) -> float | None:
    """MB/s, if every upload of the cell arrived."""
    if not rows or any(row.status not in ACCEPTED for row in rows):
        return None
    return rows[0].size_bytes / median(row.seconds or 0.0 for row in rows) / MB
