"""A run's figures as CSV, for other programs."""

import csv
import io
import re
from typing import Any

import msgspec

from uploadlab.analysis.cells import summarize
from uploadlab.analysis.load import summarize_load
from uploadlab.plain_text import LONGEST, plain_lines
from uploadlab.storage.reader import StoredRun

FIELDS = [
    "deployment", "tier", "method", "size_bytes", "users", "slow_users", "status", "rounds", "uploads",
    "mb_per_second", "share", "client_limited", "seconds_p50", "seconds_p95", "seconds_p99",
    "cpu_seconds_per_gb", "server_peak_rss_bytes", "client_peak_rss_bytes", "spooled_bytes", "http_status",
    "error",
]  # fmt: skip
"""Cells have rounds and no users, steps of concurrent uploads have users and no rounds."""
FORMULA = re.compile(r"(^|[;\n])(\s*)(?=[=+@\uff1d\uff0b\uff0d\uff20-])")
"""Where a spreadsheet may take what follows for a formula: some split cells at semicolons."""


def as_csv(stored: StoredRun) -> str:
    """Return a row for each cell, then one for each step of concurrent uploads; unknown figures are empty."""
    tiers = {target.name: target.tier for target in stored.run.targets}
    rows = [msgspec.structs.asdict(summary) for summary in summarize(stored.run, stored.rows)]
    for summary in summarize_load(stored.run, stored.steps, stored.uploads):
        step, result = summary.step, summary.result
        rows.append(
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
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        row["tier"] = tiers[row["deployment"]]
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Return text that no spreadsheet runs, and no terminal acts upon."""
    return FORMULA.sub(r"\1'\2", plain_lines(value[:LONGEST])) if isinstance(value, str) else value
