"""The report's figures as Markdown, for documents, and as CSV, for other programs."""

import csv
import io
from typing import Any

from uploadlab.load.summary import LoadSummary, summarize_load
from uploadlab.report.parts import Report, Section
from uploadlab.report.reading import Stored
from uploadlab.stats import Summary, summarize
from uploadlab.table import Table, markdown

FIELDS = [
    "deployment", "tier", "method", "size_bytes", "users", "slow_users", "status", "rounds", "uploads",
    "mb_per_second", "share", "client_limited", "seconds_p50", "seconds_p95", "seconds_p99",
    "cpu_seconds_per_gb", "server_peak_rss_bytes", "client_peak_rss_bytes", "spooled_bytes", "http_status",
    "error",
]  # fmt: skip
"""Cells have rounds and no users, steps of concurrent uploads have users and no rounds."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def as_csv(stored: Stored) -> str:
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


def as_markdown(report: Report) -> str:
    """The page's tables and sentences, without its charts and what is folded there."""
    lines = [f"# {_plain(report.title)}", "", f"{'; '.join(map(_plain, report.facts))}.", ""]
    lines += [f"> {_plain(line)}" for line in report.notices] + [""] * bool(report.notices)
    for heading, found in report.findings.items():
        lines += [f"## {heading}", "", *(f"- {_plain(line)}" for line in found), ""]
    for section in report.sections:
        lines += [] if section.folded else _section(section)
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", ""]
    for line in section.intro:
        lines += [line, ""]
    for part in section.parts:
        if part.folded:
            continue
        lines += [f"### {_plain(part.table.title)}", ""] if part.table.title else []
        lines += [markdown(_escaped(part.table)), ""]
    for name, text in section.texts.items():
        fence = "`" * max(3, 1 + _longest_run(text))
        lines += [f"### {_plain(name)}", "", fence, text.rstrip("\n"), fence, ""]
    return lines + [f"- {_plain(line)}" for line in section.notes] + [""] * bool(section.notes)


def _escaped(table: Table) -> Table:
    """A bar would end its cell, and a line its row."""
    header, *rows = [
        [_plain(cell).replace("|", "\\|") for cell in row] for row in [table.header, *table.rows]
    ]
    return Table(table.title, header, rows)


def _plain(text: str) -> str:
    """Text that is no markup of HTML's."""
    return " ".join(text.split("\n")).replace("&", "&amp;").replace("<", "&lt;")


def _longest_run(text: str) -> int:
    """Of backquotes, which must not end the block they are shown in."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
