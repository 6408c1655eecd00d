"""From rows of concurrent uploads to one summary a step. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from statistics import median, quantiles
from typing import NamedTuple

from msgspec import Struct

from uploadlab.analysis.cells import GB, MB, ceiling_name
from uploadlab.model.cells import Step
from uploadlab.model.deployments import over
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.model.runs import Run

Way = tuple[str, int, int, int]
"""Link, size in bytes, users, slow users: what a step has in common with that of its reference."""
LEAST_FOR_P95, LEAST_FOR_P99 = 20, 100
"""Fewer uploads have no percentile beyond which some of them lie."""


class Window(NamedTuple):
    """The time in which all users were in full swing, in seconds since 1970.

    It opens when every user has finished one upload and closes when the first of them starts its last, as in
    minio/warp: neither the start nor the tail of a step counts in its throughput.
    """

    opens: float
    closes: float

    def share(self, upload: LoadUpload) -> float:
        """Return how much of an upload's time lies in the window."""
        ends = upload.started_at + upload.seconds
        inside = min(ends, self.closes) - max(upload.started_at, self.opens)
        return max(0.0, inside) / upload.seconds if upload.seconds else 0.0


class LoadSummary(Struct, frozen=True):
    """The figures of a step. Rates and times are those of the users that are not slow."""

    step: Step
    result: LoadStep
    statuses: dict[Status, int]
    """How many uploads ended so, also before and after the window."""
    slow_statuses: dict[Status, int]
    link: str = ""
    """What the uploads went over; empty: nothing of the lab's."""
    mb_per_second: float | None = None
    """In the window, in 10^6 bytes a second; None if some user did too little for a window."""
    share: float | None = None
    """Its rate by the reference's, with as many users, the same size and link."""
    seconds_p50: float | None = None
    """One upload's time: of those that began in the window, or without a window of all accepted."""
    seconds_p95: float | None = None
    """None: fewer than 20 uploads; of the next figure 100."""
    seconds_p99: float | None = None
    cpu_seconds_per_gb: float | None = None
    """CPU seconds of all the server's processes for 10^9 bytes sent."""
    busy_workers: float | None = None
    """Share of the step's time that a worker was busy, mean of the workers."""


def summarize_load(run: Run, results: Iterable[LoadStep], uploads: Iterable[LoadUpload]) -> list[LoadSummary]:
    """Return summaries in the order of the run's steps; a step not done yet is left out."""
    rows: dict[str, list[LoadUpload]] = {}
    for upload in uploads:
        rows.setdefault(upload.step_id, []).append(upload)
    done = {result.step_id: result for result in results}
    steps = [step for step in run.load if step.id in done]
    rates = {step.id: rate(step, rows.get(step.id, [])) for step in steps}
    links = {target.name: target.link for target in run.targets}
    ceilings = {
        _way(step, links): rates[step.id]
        for step in steps
        if step.cell.deployment == over(ceiling_name(run) or "", links.get(step.cell.deployment, ""))
    }
    return [
        _summary(step, links, done[step.id], rows.get(step.id, []), rates[step.id], ceilings)
        for step in steps
    ]


def window(step: Step, uploads: Iterable[LoadUpload]) -> Window | None:
    """Return the window of a step; None if it never opened, or had closed before."""
    users: dict[str, list[LoadUpload]] = {}
    for upload in uploads:
        if not upload.slow:
            users.setdefault(upload.user, []).append(upload)
    if len(users) < step.users:
        return None
    opens = max(min(upload.started_at + upload.seconds for upload in mine) for mine in users.values())
    closes = min(max(upload.started_at for upload in mine) for mine in users.values())
    return Window(opens, closes) if closes > opens else None


def rate(step: Step, uploads: Sequence[LoadUpload]) -> float | None:
    """Return MB/s in the window; an upload that is only partly in it counts by that part."""
    around = window(step, uploads)
    accepted = [upload for upload in uploads if upload.status in ACCEPTED and not upload.slow]
    if around is None or not accepted:
        return None
    size_bytes = sum(upload.size_bytes * around.share(upload) for upload in accepted)
    return size_bytes / (around.closes - around.opens) / MB


def _summary(
    step: Step,
    links: Mapping[str, str],
    result: LoadStep,
    uploads: Sequence[LoadUpload],
    mb_per_second: float | None,
    ceilings: Mapping[Way, float | None],
) -> LoadSummary:
    counted = [upload for upload in uploads if not upload.slow]
    around = window(step, counted) or Window(-inf, inf)
    seconds = [
        upload.seconds
        for upload in counted
        if upload.status in ACCEPTED and around.opens <= upload.started_at <= around.closes
    ]
    percent = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else []
    sent_bytes = sum(upload.sent_bytes for upload in uploads)
    cpu, ceiling = result.server_cpu_seconds, ceilings.get(_way(step, links))
    return LoadSummary(
        step=step,
        link=links.get(step.cell.deployment, ""),
        result=result,
        statuses=dict(Counter(upload.status for upload in counted)),
        slow_statuses=dict(Counter(upload.status for upload in uploads if upload.slow)),
        mb_per_second=mb_per_second,
        share=mb_per_second / ceiling if mb_per_second is not None and ceiling else None,
        seconds_p50=median(seconds) if seconds else None,
        seconds_p95=percent[94] if len(seconds) >= LEAST_FOR_P95 else None,
        seconds_p99=percent[98] if len(seconds) >= LEAST_FOR_P99 else None,
        cpu_seconds_per_gb=cpu / sent_bytes * GB if cpu is not None and sent_bytes else None,
        busy_workers=_busy(result, uploads),
    )


def _busy(result: LoadStep, uploads: Sequence[LoadUpload]) -> float | None:
    if not uploads or result.worker_cpu_seconds is None or not result.workers:
        return None
    starts = min(upload.started_at for upload in uploads)
    ends = max(upload.started_at + upload.seconds for upload in uploads)
    return result.worker_cpu_seconds / result.workers / (ends - starts)


def _way(step: Step, links: Mapping[str, str]) -> Way:
    return links.get(step.cell.deployment, ""), step.cell.size_bytes, step.users, step.slow_users
