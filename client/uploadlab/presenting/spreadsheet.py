"""A run's figures as CSV, for other programs."""

import csv
import io
from typing import Any

from uploadlab.analysis.cells import Summary, summarize
from uploadlab.analysis.load import LoadSummary, summarize_load
from uploadlab.storage.reader import StoredRun

FIELDS = [
    "deployment", "tier", "method", "size_bytes", "users", "slow_users", "status", "rounds", "uploads",
    "mb_per_second", "share", "client_limited", "seconds_p50", "seconds_p95", "seconds_p99",
    "cpu_seconds_per_gb", "server_peak_rss_bytes", "client_peak_rss_bytes", "spooled_bytes", "http_status",
    "error",
]  # fmt: skip
"""Cells have rounds and no users, steps of concurrent uploads have users and no rounds."""


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def as_csv(stored: StoredRun) -> str:
    """One row a cell, then one a step of concurrent uploads; what is not known is empty."""
    tiers = {target.name: target.tier for target in stored.run.targets}
    cells = [_cell(one) for one in summarize(stored.run, stored.rows)]
    steps = [_step(one) for one in summarize_load(stored.run, stored.steps, stored.uploads)]
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in [*cells, *steps]:
        row["tier"] = tiers[row["deployment"]]
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue()


def _cell(one: Summary) -> dict[str, Any]:
    return {name: getattr(one, name) for name in FIELDS if name in one.__struct_fields__}


def _step(one: LoadSummary) -> dict[str, Any]:
    cell, result = one.step.cell, one.result
    figures = {name: getattr(one, name) for name in FIELDS if name in one.__struct_fields__}
    return figures | {
        "deployment": cell.deployment,
        "method": cell.method,
        "size_bytes": cell.size_bytes,
        "users": one.step.users,
        "slow_users": one.step.slow_users,
        "status": result.status,
        "uploads": sum(one.statuses.values()),
        "server_peak_rss_bytes": result.server_peak_rss_bytes,
        "client_peak_rss_bytes": result.worker_peak_rss_bytes,
        "spooled_bytes": result.spooled_bytes,
        "error": result.error,
    }


def _harmless(value: Any) -> Any:
    """Text that no spreadsheet runs."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
