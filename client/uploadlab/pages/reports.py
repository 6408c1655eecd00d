"""Parts of docs/reports.md and docs/platforms.md: public reports, and limits that platforms publish."""

import shlex
from collections.abc import Iterable
from functools import cache

from uploadlab.declared.reports import (
    LEFT_OUT,
    PUBLISHED,
    REPRODUCED,
    Report,
    link_of,
    load_reports,
)
from uploadlab.doctoring.platforms import PublishedLimit, load_limits
from uploadlab.pages.part import page_part, untitled

LAB = "./scripts/lab"
ANSWERS = (REPRODUCED, PUBLISHED, LEFT_OUT)


@page_part
def report_counts() -> str:
    """Return how many public reports have which answer."""
    everything = _all_reports()
    counts = {answer: sum(report.answer == answer for report in everything) for answer in ANSWERS}
    return (
        f"The lab reproduces {counts[REPRODUCED]} of {len(everything)} public reports about large uploads. "
        f"It explains {counts[PUBLISHED]} more from a dated source, without a measurement. "
        f"It leaves out {counts[LEFT_OUT]}, with the reason.\n"
    )


@page_part
def reports(name: str) -> str:
    """Return the reports of a file of configs/reports, a line each."""
    rows = [
        [_sources(report), report.symptom, f"{report.cause} [Why and fix]({report.see})", _answer(report)]
        for report in load_reports()[name]
    ]
    return untitled(["report", "what the user saw", "cause", "the lab's answer"], rows)


@page_part
def platform_limits(kind: str) -> str:
    """Return the published limits of a kind, the smallest first, with their sources."""
    limits = sorted((limit for limit in load_limits() if limit.kind == kind), key=_amount)
    rows = [
        [limit.platform, _text(limit), f"[{_host(limit.source)}]({limit.source})", str(limit.checked)]
        for limit in limits
    ]
    return untitled(["platform", "limit", "source", "read"], rows)


@cache
def _all_reports() -> list[Report]:
    return [report for found in load_reports().values() for report in found]


def _sources(report: Report) -> str:
    return ", ".join(f"[{_name(source)}]({link_of(source)})" for source in report.sources)


def _name(source: str) -> str:
    """Return a thread's name, or the host of an address with its last number."""
    return source if "://" not in source else f"{_host(source)} {source.rstrip('/').rpartition('/')[2]}"


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0]


def _answer(report: Report) -> str:
    if report.answer == REPRODUCED:
        return _sentences(["Reproduced:", f"`{LAB} {shlex.join(report.command)}`", report.note])
    if report.published:
        published = report.published
        source = f"([{_host(published.url)}]({published.url}), read {published.read})"
        return _sentences(["Published, not measured:", published.says, source, report.note])
    return _sentences(["Left out:", report.reason])


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)


def _amount(limit: PublishedLimit) -> float:
    return limit.value * (1 if limit.unit in ("B", "s") else 10**6)


def _text(limit: PublishedLimit) -> str:
    return f"{limit.value:,.0f} bytes" if limit.unit == "B" else f"{limit.value:g} {limit.unit}"
