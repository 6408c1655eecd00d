"""A run's figures as CSV, for other programs."""

import csv
import io
import re
from typing import Any

from uploadlab.plain_text import LONGEST, plain_lines
from uploadlab.presenting.document import Document

FIELDS = [
    "deployment", "tier", "link", "method", "client", "way", "size_bytes", "users", "slow_users", "status",
    "rounds", "uploads", "mb_per_second", "mb_per_second_low", "mb_per_second_high", "disturbed", "share",
    "client_limited",
    "seconds_p50", "seconds_p95", "seconds_p99", "cpu_seconds_per_gb", "client_cpu_seconds_per_gb",
    "outside_handler_seconds", "server_peak_rss_bytes", "client_peak_rss_bytes", "spooled_bytes",
    "sent_twice_bytes", "breaks", "fallback",
    "http_status", "error",
]  # fmt: skip
FORMULA = re.compile(r"(^|[;\n])(\s*)(?=[=+@\uff1d\uff0b\uff0d\uff20-])")
"""Where a spreadsheet may take what follows for a formula: some split cells at semicolons."""


def as_csv(document: Document) -> str:
    """Return a row for each record of raw figures; unknown figures are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in document.figures:
        writer.writerow({name: _harmless(value) for name, value in record.items()})
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Return text that no spreadsheet runs, and no terminal acts upon."""
    return FORMULA.sub(r"\1'\2", plain_lines(value[:LONGEST])) if isinstance(value, str) else value
