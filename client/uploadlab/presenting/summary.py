"""A run in a few lines: what the viewer's list and its comparison of two runs read. Pure."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.worst import Worst, worst_result
from uploadlab.model.deployments import EXTERNAL
from uploadlab.model.measurements import Status
from uploadlab.model.order import Kind
from uploadlab.model.runs import MOST_CELLS, MOST_DEPLOYMENTS, Host
from uploadlab.storage.reader import StoredRun

SUMMARY_VERSION = 1
MOST_SUMMARY_CELLS = MOST_CELLS // 2
"""As many as any run has."""
MOST_TEXT = 200
"""Characters of a text. With these limits a summary has less than 4 MB: more the viewer does not read."""
LOAD = "load"
"""The kind of runs that have concurrent uploads; every other kind is a ``Kind``."""


class CellFigures(Struct, frozen=True):
    """The figures of a cell that two runs are compared by."""

    deployment: str
    method: str
    size_bytes: int
    status: Status
    rounds: int
    mb_per_second: float | None
    low: float | None
    """MB/s of the slowest round."""
    high: float | None
    """MB/s of the fastest round."""


class RunSummary(Struct, frozen=True, kw_only=True):
    """summary.json. Its texts are short, and there is a limit to how many there are."""

    schema: int = SUMMARY_VERSION
    id: str
    kinds: list[str]
    """Of ``run`` and ``load`` a run may be both."""
    plan: str
    title: str
    """The result in a sentence."""
    started_at: str
    duration_seconds: float | None
    """From the first row to the last; None without rows."""
    runtime: str
    hosts: list[Host]
    """More than one if the run was gone on with on another."""
    deployments: list[str]
    targets: dict[str, str]
    """URLs of the user's servers, by their names."""
    worst: Worst
    cells: list[CellFigures]


def run_summary(
    stored: StoredRun, summaries: Sequence[Summary], loads: Sequence[LoadSummary], title: str
) -> RunSummary:
    """Return the summary of a run with these figures, whose result ``title`` states."""
    run = stored.run
    return RunSummary(
        id=_short(run.id),
        kinds=_kinds(stored),
        plan=_short(run.plan),
        title=_short(title),
        started_at=_short(run.started_at),
        duration_seconds=_duration_seconds(stored),
        runtime=_short(run.runtime),
        hosts=[_short_host(host) for host in [run.host, *run.other_hosts][:MOST_DEPLOYMENTS]],
        deployments=list(
            dict.fromkeys(_short(target.behind) for target in run.targets if target.tier != EXTERNAL)
        )[:MOST_DEPLOYMENTS],
        targets={
            _short(target.behind): _short(target.url) for target in run.targets if target.tier == EXTERNAL
        },
        worst=worst_result(run, stored.rows, loads, stored.checks),
        cells=list(map(_figures, summaries[:MOST_SUMMARY_CELLS])),
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _short_host(host: Host) -> Host:
    texts = {
        name: _short(text) for name, text in msgspec.structs.asdict(host).items() if isinstance(text, str)
    }
    return msgspec.structs.replace(host, **texts)


def _kinds(stored: StoredRun) -> list[str]:
    run, has_load = stored.run, bool(stored.run.load or stored.steps)
    kinds = [str(run.kind)] if run.kind is not Kind.RUN or run.cells or stored.rows or not has_load else []
    return [*kinds, *([LOAD] if has_load else [])]


def _duration_seconds(stored: StoredRun) -> float | None:
    starts = [(row.started_at, row.seconds or 0.0) for row in stored.rows]
    starts += [(row.started_at, 0.0) for row in stored.checks]
    starts += [(row.started_at, 0.0) for row in stored.steps]
    spans = [(begin, begin + seconds) for text, seconds in starts if (begin := _moment(text)) is not None]
    spans += [(upload.started_at, upload.started_at + upload.seconds) for upload in stored.uploads]
    return max(end for _, end in spans) - min(begin for begin, _ in spans) if spans else None


def _moment(text: str) -> float | None:
    """Return a row's time in seconds since 1970; None if a damaged row has none."""
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _figures(summary: Summary) -> CellFigures:
    return CellFigures(
        deployment=_short(summary.deployment),
        method=_short(summary.method),
        size_bytes=summary.size_bytes,
        status=summary.status,
        rounds=summary.rounds,
        mb_per_second=summary.mb_per_second,
        low=summary.mb_per_second_low,
        high=summary.mb_per_second_high,
    )
