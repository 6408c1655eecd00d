"""From rows of concurrent uploads to one summary a step. Pure: files in, figures out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from msgspec import Struct

from uploadlab.analysis.cells import GB, MB, ceiling_name
from uploadlab.model.cells import Step
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.model.runs import Run


class Window(NamedTuple):
    """The time in which all users were in full swing, in seconds since 1970.

    It opens when every user has finished one upload and closes when the first of them starts its last, as in
    minio/warp: neither the start nor the tail of a step is in its throughput.
    """

    opens: float
    closes: float

    def share(self, upload: LoadUpload) -> float:
        """How much of an upload's time lies in it."""
        ends = upload.started_at + upload.seconds
        inside = min(ends, self.closes) - max(upload.started_at, self.opens)
        return max(0.0, inside) / upload.seconds if upload.seconds else 0.0


class LoadSummary(Struct, frozen=True):
    """What a step came to. Rates and times are of the users that are not slow."""

    step: Step
    result: LoadStep
    statuses: dict[Status, int]
    """Of all uploads, also before and after the window."""
    slow_statuses: dict[Status, int]
    mb_per_second: float | None = None
    """In the window, in 10^6 bytes a second; None if some user did too little for one."""
    share: float | None = None
    """Of the reference's, with as many users and the same size."""
    seconds_p50: float | None = None
    """Of one upload: those that began in the window, or without one all that were accepted."""
    seconds_p95: float | None = None
    seconds_p99: float | None = None
    cpu_seconds_per_gb: float | None = None
    """CPU of all the server's processes for 10^9 bytes sent."""
    busy_workers: float | None = None
    """Share of the step's time that a worker was busy, mean of the workers."""


def summarize_load(run: Run, results: Iterable[LoadStep], uploads: Iterable[LoadUpload]) -> list[LoadSummary]:
    """Summaries in the order of the run's steps; one not done yet is left out."""
    rows: dict[str, list[LoadUpload]] = {}
    for upload in uploads:
        rows.setdefault(upload.step_id, []).append(upload)
    done = {one.step_id: one for one in results}
    pairs = [(step, done[step.id]) for step in run.load if step.id in done]
    rates = {step.id: rate(step, rows.get(step.id, [])) for step, _ in pairs}
    ceilings = {
        _size_and_users(step): rates[step.id]
        for step, _ in pairs
        if step.cell.deployment == ceiling_name(run)
    }
    return [
        _summary(step, result, rows.get(step.id, []), rates[step.id], ceilings.get(_size_and_users(step)))
        for step, result in pairs
    ]


def window(step: Step, uploads: Iterable[LoadUpload]) -> Window | None:
    """The window of a step; None if it never opened, or had closed before."""
    users: dict[str, list[LoadUpload]] = {}
    for upload in uploads:
        if not upload.slow:
            users.setdefault(upload.user, []).append(upload)
    if len(users) < step.users:
        return None
    opens = max(min(one.started_at + one.seconds for one in mine) for mine in users.values())
    closes = min(max(one.started_at for one in mine) for mine in users.values())
    return Window(opens, closes) if closes > opens else None


def rate(step: Step, uploads: Sequence[LoadUpload]) -> float | None:
    """MB/s in the window: of an upload that is only partly in it, that part."""
    around = window(step, uploads)
    if around is None:
        return None
    accepted = [one for one in uploads if one.status in ACCEPTED and not one.slow]
    if not accepted:
        return None
    size_bytes = sum(one.size_bytes * around.share(one) for one in accepted)
    return size_bytes / (around.closes - around.opens) / MB


def _summary(
    step: Step,
    result: LoadStep,
    uploads: Sequence[LoadUpload],
    mb_per_second: float | None,
    ceiling: float | None,
) -> LoadSummary:
    counted = [one for one in uploads if not one.slow]
    seconds = _seconds(step, counted)
    percent = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    sent_bytes = sum(one.sent_bytes for one in uploads)
    cpu = result.server_cpu_seconds
    return LoadSummary(
        step=step,
        result=result,
        statuses=dict(Counter(one.status for one in counted)),
        slow_statuses=dict(Counter(one.status for one in uploads if one.slow)),
        mb_per_second=mb_per_second,
        share=mb_per_second / ceiling if mb_per_second is not None and ceiling else None,
        seconds_p50=median(seconds) if seconds else None,
        seconds_p95=percent[94] if percent else None,
        seconds_p99=percent[98] if percent else None,
        cpu_seconds_per_gb=cpu / sent_bytes * GB if cpu is not None and sent_bytes else None,
        busy_workers=_busy(result, uploads),
    )


def _seconds(step: Step, uploads: Sequence[LoadUpload]) -> list[float]:
    accepted = [one for one in uploads if one.status in ACCEPTED]
    around = window(step, uploads)
    if around is None:
        return [one.seconds for one in accepted]
    return [one.seconds for one in accepted if around.opens <= one.started_at <= around.closes]


def _busy(result: LoadStep, uploads: Sequence[LoadUpload]) -> float | None:
    if not uploads or result.worker_cpu_seconds is None or not result.workers:
        return None
    starts = min(one.started_at for one in uploads)
    ends = max(one.started_at + one.seconds for one in uploads)
    return result.worker_cpu_seconds / result.workers / (ends - starts)


def _size_and_users(step: Step) -> tuple[int, int, int]:
    return step.cell.size_bytes, step.users, step.slow_users
