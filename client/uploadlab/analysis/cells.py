"""From raw measurements to one summary a cell. Pure."""

from collections.abc import Collection, Iterable, Sequence
from statistics import median
from typing import Any

from msgspec import Struct

from uploadlab.model.cells import Cell
from uploadlab.model.deployments import REFERENCE, over
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Run

MB, GB = 1e6, 1e9


LIMIT = 0.1
"""A client busy for all but this share of the time is the limit; so is a ceiling this near to a rate."""


class Summary(Struct, frozen=True):
    """The figures of a cell."""

    deployment: str
    method: str
    size_bytes: int
    status: Status
    rounds: int
    mb_per_second: float | None = None
    """Median over the rounds, in 10^6 bytes a second; None unless every round is ok."""
    mb_per_second_low: float | None = None
    """Of the slowest round."""
    mb_per_second_high: float | None = None
    """Of the fastest round."""
    disturbed: int = 0
    """How many of the rounds something outside of the lab disturbed."""
    share: float | None = None
    """Its rate by the reference's rate at the same size in the same run."""
    client_limited: bool = False
    """Whether client or ceiling were the limit: the rate says little of the server."""
    http_status: int | None = None
    error: str | None = None
    cpu_seconds_per_gb: float | None = None
    """CPU seconds of all the server's processes for 10^9 bytes, median."""
    client_cpu_seconds_per_gb: float | None = None
    """The same of the client."""
    outside_handler_seconds: float | None = None
    """How long an upload took before the app's handler began and after its end, median."""
    server_peak_rss_bytes: int | None = None
    """The peaks of all the server's processes together, the highest of the rounds."""
    client_peak_rss_bytes: int | None = None
    spooled_bytes: int | None = None
    """Written to disk in addition to the stored file, median."""
    sent_twice_bytes: int | None = None
    """Of the file, handed to the client's system more than once, median; None for a method of one request."""
    breaks: int | None = None
    """How often a request that carries the file had to be made again, median."""
    fallback: str | None = None
    """Why the file went by blocks in some round, where the method can avoid copies."""

    @property
    def cell(self) -> Cell:
        """The cell that it sums up."""
        return Cell(self.deployment, self.method, self.size_bytes)


def summarize(run: Run, rows: Iterable[Measurement]) -> list[Summary]:
    """Return summaries in the order of the run's cells; a cell not measured yet is left out."""
    cells = by_cell(rows)
    references = reference_names(run)
    links = {target.name: target.link for target in run.targets}
    reference_rates = {
        cell: rate
        for cell, *_ in run.cells
        if cell.deployment in references and (rate := _rate(cells.get(cell.id, [])))
    }
    first = ceiling_name(run) or ""
    summaries = []
    for cell, *_ in run.cells:
        if measured := cells.get(cell.id):
            link = links.get(cell.deployment, "")
            rates = {
                of: rate
                for of, rate in reference_rates.items()
                if of.size_bytes == cell.size_bytes and links[of.deployment] == link
            }
            ceiling = next((rate for of, rate in rates.items() if of.deployment == over(first, link)), None)
            # Over a link, a rate like a reference's is that of the line, and says nothing of the client.
            limited = cell.deployment not in references and _is_limited(
                measured, [] if link else rates.values()
            )
            summaries.append(_summary(measured, ceiling, limited))
    return summaries


def by_cell(rows: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """Return the rows that count by the id of their cell: no warm-ups, no attempt that was made again."""
    cells: dict[str, list[Measurement]] = {}
    for row in rows:
        if not row.warmup:
            cells.setdefault(row.cell_id, []).append(row)
    return {cell_id: latest_attempt(measured) for cell_id, measured in cells.items()}


def latest_attempt(rows: list[Measurement]) -> list[Measurement]:
    """Return the row of each round that counts, whatever its figure.

    A row that says "unavailable" does not if the round could be measured later. Of a round that was measured
    again, since the host was disturbed, the repeat counts if the host was quiet then. An upload that did not
    arrive always counts.
    """
    if not any(row.repeat or row.status is Status.UNAVAILABLE for row in rows):
        return rows
    done = {_round(row) for row in rows if row.status is not Status.UNAVAILABLE}
    measured = [row for row in rows if row.status is not Status.UNAVAILABLE or _round(row) not in done]
    lost = {_round(row) for row in measured if row.status not in ACCEPTED}
    replaced = {_round(row) for row in measured if row.repeat and not row.disturbed} - lost
    return [row for row in measured if row.status not in ACCEPTED or row.repeat is (_round(row) in replaced)]


def given_up(run: Run, rows: Iterable[Measurement]) -> set[str]:
    """Return the ids of cells that are not tried again.

    After a timeout another round would only spend its budget again, and a server of the user's own that has
    refused an upload is not asked to take it again.
    """
    foreign = {target.name for target in run.targets if target.foreign}
    return {
        row.cell_id
        for row in rows
        if not row.warmup
        and (row.status is Status.TIMEOUT or (row.status is Status.REFUSED and row.deployment in foreign))
    }


def _round(row: Measurement) -> tuple[str, int]:
    return row.cell_id, row.round


def reference_names(run: Run) -> list[str]:
    """Return the names of the run's references, in the order of the run."""
    return [target.name for target in run.targets if target.tier == REFERENCE]


def ceiling_name(run: Run) -> str | None:
    """Return the reference that rates are divided by, over the same link: the first of the run, if any."""
    return next((target.behind for target in run.targets if target.tier == REFERENCE), None)


def _is_limited(rows: Sequence[Measurement], references: Collection[float]) -> bool:
    """Return whether the client was always busy, or the rate is about that of the fastest reference.

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
    seconds = [row.seconds for row in rows if row.seconds] if rate else []
    spooled = _known(rows, "spooled_bytes")
    outside = [row.seconds - row.server_seconds for row in rows if row.seconds and row.server_seconds]
    return Summary(
        deployment=first.deployment,
        method=first.method,
        size_bytes=first.size_bytes,
        status=bad.status if bad else Status.OK,
        rounds=len(rows),
        mb_per_second=rate,
        mb_per_second_low=first.size_bytes / max(seconds) / MB if seconds else None,
        mb_per_second_high=first.size_bytes / min(seconds) / MB if seconds else None,
        disturbed=sum(row.disturbed for row in rows),
        share=rate / ceiling if rate and ceiling else None,
        client_limited=client_limited,
        http_status=bad.http_status if bad else None,
        error=bad.error if bad else None,
        cpu_seconds_per_gb=_per_gb(rows, "server_cpu_seconds"),
        client_cpu_seconds_per_gb=_per_gb(rows, "client_cpu_seconds"),
        outside_handler_seconds=median(outside) if outside else None,
        server_peak_rss_bytes=max(_known(rows, "server_peak_rss_bytes"), default=None),
        client_peak_rss_bytes=max(_known(rows, "client_peak_rss_bytes"), default=None),
        spooled_bytes=round(median(spooled)) if spooled else None,
        sent_twice_bytes=_sent_twice(rows),
        breaks=round(median(breaks)) if (breaks := _known(rows, "breaks")) else None,
        fallback=next(iter(_known(rows, "fallback")), None),
    )


def _sent_twice(rows: Sequence[Measurement]) -> int | None:
    """Return the median of what uploads that arrived have sent more than once."""
    known = [row.sent_bytes - row.size_bytes for row in rows if row.sent_bytes is not None]
    if not known or any(row.status not in ACCEPTED for row in rows):
        return None
    return round(median(known))


def _per_gb(rows: Sequence[Measurement], field: str) -> float | None:
    """Return CPU seconds for 10^9 bytes; None unless all uploads arrived, for the others cost too little."""
    known = _known(rows, field)
    if not known or any(row.status not in ACCEPTED for row in rows):
        return None
    return float(median(known)) / rows[0].size_bytes * GB


def _known(rows: Sequence[Measurement], field: str) -> list[Any]:
    """Return a field's values, as far as they could be measured."""
    return [value for row in rows if (value := getattr(row, field)) is not None]


def _rate(rows: Sequence[Measurement]) -> float | None:
    """Return MB/s, if every upload of the cell arrived."""
    if not rows or any(row.status not in ACCEPTED for row in rows):
        return None
    return rows[0].size_bytes / median(row.seconds or 0.0 for row in rows) / MB
