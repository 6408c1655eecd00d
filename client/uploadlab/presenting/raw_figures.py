"""A run's figures as records of raw values, for other programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.load import LoadSummary
from uploadlab.catalogue.clients import sender_of
from uploadlab.model.deployments import Target
from uploadlab.model.runs import Run


def raw_figures(
    run: Run, summaries: Sequence[Summary], loads: Sequence[LoadSummary]
) -> list[Mapping[str, Any]]:
    """Return a record for each cell, then one for each step of concurrent uploads.

    Cells have rounds and no users, steps have users and no rounds.
    """
    targets = {target.name: target for target in run.targets}
    records = [msgspec.structs.asdict(summary) for summary in summaries]
    records += map(_of_step, loads)
    return [record | _names(record, targets[record["deployment"]]) for record in records]


def _names(record: Mapping[str, Any], target: Target) -> dict[str, str]:
    """Return what belongs to the names of a record: its tier and link, and who sends how."""
    client, way = sender_of(record["method"])
    return {"tier": target.tier, "link": target.link, "client": client, "way": way}


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
