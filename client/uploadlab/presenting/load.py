"""The tables of concurrent uploads, as rows of text."""

from collections.abc import Sequence

from uploadlab.analysis.load import LoadSummary
from uploadlab.model.cells import Step
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.presenting.document import Table
from uploadlab.presenting.tables import mib, short
from uploadlab.units import format_rate, format_size

BUSY = 0.9
"""From here on the workers, not the server, may be the limit."""
LOAD_LEGEND = (
    "MB/s: of all users together, from when each had finished one upload to when the first began its last; "
    "share: of the reference's with as many users. Median, p95, p99: of one upload's time. "
    "Uploads, not ok: of the whole step."
)


def load_tables(summaries: Sequence[LoadSummary]) -> list[Table]:
    """One table for each method and size, then one of what slow users do to the others."""
    alone = [one for one in summaries if not one.step.slow_users]
    return [_table(group) for group in _groups(alone).values()] + slow_tables(summaries)


def slow_tables(summaries: Sequence[LoadSummary]) -> list[Table]:
    """How long an upload takes without and with slow users beside it: by method, size, number of users."""
    return [
        _slow_table([one for one in group if one.step.users == users])
        for group in _groups(summaries).values()
        for users in sorted({one.step.users for one in group if one.step.slow_users})
    ]


def load_notes(summaries: Sequence[LoadSummary]) -> list[str]:
    """What is to be known beside the figures, each thing once, with where."""
    places: dict[str, list[str]] = {}
    for one in summaries:
        where = one.step.cell.deployment
        if one.result.error:
            places.setdefault(f"{one.result.status}: {one.result.error}", []).append(where)
        if Status.UNVERIFIED in one.statuses:
            places.setdefault("unverified: nobody can check what arrived there", []).append(where)
        if one.statuses and one.mb_per_second is None and not one.result.error:
            text = "no MB/s where some user did not finish three uploads, or none was accepted"
            places.setdefault(text, []).append(where)
        if one.busy_workers is not None and one.busy_workers >= BUSY:
            text = "the workers were busy all the time, so they may be the limit; --workers starts more"
            places.setdefault(text, []).append(where)
    lines = [f"{', '.join(dict.fromkeys(where))}: {text}" for text, where in places.items()]
    return lines + _verification(summaries)


def _verification(summaries: Sequence[LoadSummary]) -> list[str]:
    """What it took to verify, which is in none of the figures."""
    sent = [one.result for one in summaries if one.result.verify_worker_cpu_seconds is not None]
    if not sent:
        return []
    worker = sum(one.verify_worker_cpu_seconds or 0.0 for one in sent)
    server = sum(one.verify_server_cpu_seconds or 0.0 for one in sent)
    return [
        f"Verified after each step, in none of the figures: {server:.1f} s of the servers' CPU, "
        f"{worker:.1f} s of the workers'."
    ]


def _groups(summaries: Sequence[LoadSummary]) -> dict[tuple[str, int], list[LoadSummary]]:
    """Those of one method and size together."""
    groups: dict[tuple[str, int], list[LoadSummary]] = {}
    for one in summaries:
        groups.setdefault((one.step.cell.method, one.step.cell.size_bytes), []).append(one)
    return groups


def _table(group: Sequence[LoadSummary]) -> Table:
    header = [
        "",
        "users",
        "MB/s",
        "share",
        "median",
        "p95",
        "p99",
        "uploads",
        "CPU s/GB",
        "peak RSS",
        "not ok",
    ]
    rows: list[list[str]] = []
    last = ""
    for one in group:
        name = one.step.cell.deployment
        rows.append(["" if name == last else name, str(one.step.users), *_figures(one)])
        last = name
    return Table(f"{_title(group[0].step)}: many at once", header, rows)


def _figures(one: LoadSummary) -> list[str]:
    if one.result.status is Status.UNAVAILABLE:
        return ["-"] * 8 + [str(one.result.status)]
    peak, cpu = one.result.server_peak_rss_bytes, one.cpu_seconds_per_gb
    return [
        "-" if one.mb_per_second is None else short(one.mb_per_second),
        "-" if one.share is None else f"{short(100 * one.share)}%",
        *(_seconds(value) for value in (one.seconds_p50, one.seconds_p95, one.seconds_p99)),
        str(sum(one.statuses.values())),
        "-" if cpu is None else f"{cpu:.2f}",
        "-" if peak is None else mib(peak),
        _bad(one.statuses, str(one.result.status)),
    ]


def _slow_table(group: Sequence[LoadSummary]) -> Table:
    """Deployments down; across, the median alone, beside so many slow users, and how many times longer."""
    counts = sorted({one.step.slow_users for one in group})
    pace = format_rate(max(one.step.pace for one in group))
    header = [""] + [f"beside {count}" if count else "alone" for count in counts]
    header += ["times", "slow uploads", "not ok"]
    rows: list[list[str]] = []
    for name in dict.fromkeys(one.step.cell.deployment for one in group):
        mine = {one.step.slow_users: one for one in group if one.step.cell.deployment == name}
        most = mine[max(mine)]
        slow = sum(most.slow_statuses.get(status, 0) for status in ACCEPTED)
        rows.append(
            [
                name,
                *(_seconds(mine[count].seconds_p50) if count in mine else "-" for count in counts),
                _times(mine[min(mine)], most),
                str(slow),
                _both(most),
            ]
        )
    users = group[0].step.users
    who = "1 user" if users == 1 else f"{users} users"
    return Table(f"{_title(group[0].step)}: an upload of {who} beside slow ones at {pace}", header, rows)


def _times(alone: LoadSummary, beside: LoadSummary) -> str:
    if not alone.seconds_p50 or not beside.seconds_p50 or alone is beside:
        return "-"
    return short(beside.seconds_p50 / alone.seconds_p50)


def _both(one: LoadSummary) -> str:
    """What went wrong for the users that count, and for the slow ones."""
    bad = _bad(one.statuses, str(one.result.status))
    slow = _bad(one.slow_statuses, "-")
    return bad if slow == "-" else f"{bad}; slow: {slow}" if bad != "-" else f"slow: {slow}"


def _bad(statuses: dict[Status, int], otherwise: str) -> str:
    """``3 failed, 1 wrong``; without any a dash, or what befell the step."""
    words = [f"{count} {status}" for status, count in sorted(statuses.items()) if status not in ACCEPTED]
    return ", ".join(words) or ("-" if otherwise == Status.OK else otherwise)


def _seconds(value: float | None) -> str:
    """``2.1 ms``, ``340 ms``, ``1.42 s``."""
    if value is None:
        return "-"
    return f"{value:.3g} s" if value >= 1 else f"{short(1000 * value)} ms"


def _title(step: Step) -> str:
    return f"{format_size(step.cell.size_bytes)} {step.cell.method}"
