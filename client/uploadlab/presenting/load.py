"""The tables of concurrent uploads, with the notes and the legend that belong to them."""

from collections.abc import Mapping, Sequence

from uploadlab.analysis.load import LoadSummary
from uploadlab.model.cells import Step
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.presenting.document import Bad, Key, Table, TableRow
from uploadlab.presenting.figures import (
    NO_FIGURE,
    figure,
    grouped,
    hundredths,
    mib,
    percent,
    place_notes,
    short,
)
from uploadlab.units import format_rate, format_size

BUSY = 0.9
"""Share of the time from which on the workers, not the server, may be the limit."""
LOAD_LEGEND = (
    "MB/s: of all users together, while all of them upload; share: of the reference with as many users. "
    "Median, p95, p99: time of one upload; p95 needs 20 uploads, p99 100. Uploads, not ok: in the whole step."
)


def load_tables(summaries: Sequence[LoadSummary]) -> list[Table]:
    """Return a table for each method and size, then those of what slow users do to the others."""
    groups = _by_way([summary for summary in summaries if not summary.step.slow_users])
    return [*map(_load_table, groups), *slow_tables(summaries)]


def slow_tables(summaries: Sequence[LoadSummary]) -> list[Table]:
    """Return how long an upload takes without and with slow users: by method, size, number of users."""
    return [
        _slow_table([summary for summary in group if summary.step.users == users])
        for group in _by_way(summaries)
        for users in sorted({summary.step.users for summary in group if summary.step.slow_users})
    ]


def load_notes(summaries: Sequence[LoadSummary]) -> list[str]:
    """Return what a reader must know of the figures, each thing once, with the deployments."""
    places = []
    for summary in summaries:
        texts = {
            f"{summary.result.status}: {summary.result.error}": summary.result.error,
            "unverified: what arrived there cannot be checked": Status.UNVERIFIED in summary.statuses,
            "no MB/s: a user did not finish three uploads, or no upload was accepted": (
                summary.statuses and summary.mb_per_second is None and not summary.result.error
            ),
            "the workers were busy all the time, so they may be the limit; start more by --workers": (
                (summary.busy_workers or 0.0) >= BUSY
            ),
        }
        places += [(text, summary.step.cell.deployment) for text, holds in texts.items() if holds]
    notes = place_notes(places)
    results = [summary.result for summary in summaries]
    verified = [result for result in results if result.verify_worker_cpu_seconds is not None]
    if verified:
        worker = sum(result.verify_worker_cpu_seconds or 0.0 for result in verified)
        server = sum(result.verify_server_cpu_seconds or 0.0 for result in verified)
        notes.append(
            f"Verified after each step, outside all figures: {server:.1f} s of the servers' CPU, "
            f"{worker:.1f} s of the workers'."
        )
    return notes


def _by_way(summaries: Sequence[LoadSummary]) -> list[list[LoadSummary]]:
    """Return the summaries of each method and size together."""
    cells = [(summary.step.cell, summary) for summary in summaries]
    return list(grouped(((cell.method, cell.size_bytes), summary) for cell, summary in cells).values())


def _load_table(group: Sequence[LoadSummary]) -> Table:
    header = [
        "", "users", "MB/s", "share", "median", "p95", "p99", "uploads", "CPU s/GB", "peak RSS", "not ok",
    ]  # fmt: skip
    rows: list[TableRow] = []
    for summary in group:
        name = summary.step.cell.deployment
        is_first = not rows or rows[-1].key.deployment != name
        cells = [name if is_first else "", str(summary.step.users), *_figures(summary)]
        rows.append(TableRow(cells, Key(name)))
    return _way_table(group[0].step, "many at once", header, rows)


def _figures(summary: LoadSummary) -> list[str]:
    result, times = summary.result, (summary.seconds_p50, summary.seconds_p95, summary.seconds_p99)
    if result.status is Status.UNAVAILABLE:
        return [NO_FIGURE] * 8 + [Bad(result.status)]
    return [
        figure(summary.mb_per_second, short),
        figure(summary.share, percent),
        *(figure(seconds, _seconds) for seconds in times),
        str(sum(summary.statuses.values())),
        figure(summary.cpu_seconds_per_gb, hundredths),
        figure(result.server_peak_rss_bytes, mib),
        _not_ok(summary),
    ]


def _slow_table(group: Sequence[LoadSummary]) -> Table:
    """Return deployments down; across, the median alone, beside slow users, and how many times longer."""
    counts = sorted({summary.step.slow_users for summary in group})
    columns = [f"beside {count}" if count else "alone" for count in counts]
    rows = []
    for name, mine in grouped((summary.step.cell.deployment, summary) for summary in group).items():
        by_count = {summary.step.slow_users: summary for summary in mine}
        alone, most = by_count[min(by_count)], by_count[max(by_count)]
        times = NO_FIGURE
        if alone is not most and alone.seconds_p50 and most.seconds_p50:
            times = short(most.seconds_p50 / alone.seconds_p50)
        medians = [by_count[count].seconds_p50 if count in by_count else None for count in counts]
        accepted = sum(most.slow_statuses.get(status, 0) for status in ACCEPTED)
        cells = [*(figure(seconds, _seconds) for seconds in medians), times, str(accepted), _not_ok(most)]
        rows.append(TableRow([name, *cells], Key(name)))
    step, pace = group[0].step, format_rate(max(summary.step.pace for summary in group))
    users = "1 user" if step.users == 1 else f"{step.users} users"
    title = f"an upload of {users} beside slow ones at {pace}"
    return _way_table(step, title, ["", *columns, "times", "slow uploads", "not ok"], rows)


def _not_ok(summary: LoadSummary) -> str:
    """Return what went wrong for the users that count, and for the slow ones: ``3 failed; slow: 1 wrong``."""
    bad, slow = _counts(summary.statuses), _counts(summary.slow_statuses)
    if not bad and summary.result.status is not Status.OK:
        bad = summary.result.status
    texts = [text for text in (bad, slow and f"slow: {slow}") if text]
    return Bad("; ".join(texts)) if texts else NO_FIGURE


def _counts(statuses: Mapping[Status, int]) -> str:
    """Return ``3 failed, 1 wrong``; nothing where all was accepted."""
    bad = [f"{count} {status}" for status, count in sorted(statuses.items()) if status not in ACCEPTED]
    return ", ".join(bad)


def _seconds(value: float) -> str:
    """Return ``2.1 ms``, ``340 ms``, ``1.42 s``."""
    return f"{value:.3g} s" if value >= 1 else f"{short(1000 * value)} ms"


def _way_table(step: Step, title: str, header: list[str], rows: list[TableRow]) -> Table:
    """Return a table about the step's method and size."""
    method, size_bytes = step.cell.method, step.cell.size_bytes
    title = f"{format_size(size_bytes)} {method}: {title}"
    narrow = ["users", "MB/s", "not ok", "median", "p95", "uploads", "CPU s/GB", "share"]
    return Table(title, header, rows, Key("", method, size_bytes), narrow=narrow)
