"""A run's figures as records of raw values, for other programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.load import LoadSummary
from uploadlab.model.runs import Run


def raw_figures(
    run: Run, summaries: Sequence[Summary], loads: Sequence[LoadSummary]
) -> list[Mapping[str, Any]]:
    """Return a record for each cell, then one for each step of concurrent uploads.

    Cells have rounds and no users, steps have users and no rounds.
    """
    tiers = {target.name: target.tier for target in run.targets}
    records = [msgspec.structs.asdict(summary) for summary in summaries]
    records += map(_of_step, loads)
    return [record | {"tier": tiers[record["deployment"]]} for record in records]


def _of_step(summary: LoadSummary) -> dict[str, Any]:
    step, result = summary.step, summary.result
    return (
        msgspec.structs.asdict(summary)
        | msgspec.structs.asdict(step.cell)
        | {
            "users": step.users,
            "slow_users": step.slow_users,
            "status": result.status,
            "uploads": sum(summary.statuses.values()),
            "server_peak_rss_bytes": result.server_peak_rss_bytes,
            "client_peak_rss_bytes": result.worker_peak_rss_bytes,
            "spooled_bytes": result.spooled_bytes,
            "error": result.error,
        }
    )
