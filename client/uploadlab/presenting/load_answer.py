"""What concurrent uploads show, in a few sentences."""

from collections.abc import Sequence

from uploadlab.analysis.load import LoadSummary
from uploadlab.model.measurements import ACCEPTED
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped, short, times_text
from uploadlab.units import format_size

MUCH = 2.0
"""From this factor on, an upload waits for others."""
MOST_WAITING, MOST_FAILURES = 3, 3


def load_title(summaries: Sequence[LoadSummary]) -> str:
    """Return who makes others wait for slow users; without slow users, who is the fastest of many users."""
    if worst := _slowed(summaries):
        times, summary = worst[0]
        users = counted(summary.step.slow_users, "slow user")
        return f"Beside {users}, an upload to {_place(summary)} takes {times_text(times)} as long"
    for fast, slow in _ends(summaries)[:1]:
        users = counted(fast.step.users, "user")
        if fast is slow:
            return f"{_place(fast)}: {_rate(fast)} with {users}"
        times = (fast.mb_per_second or 0.0) / (slow.mb_per_second or 1.0)
        return f"With {users}, {_place(fast)} is {times_text(times)} as fast as {_place(slow)}"
    return ""


def load_statements(summaries: Sequence[LoadSummary], every: Sequence[LoadSummary]) -> list[Statement]:
    """Return what failed, and for each method and size the fastest and the slowest server.

    ``every`` has the steps of references, too: of them, only a step that could not be done is named.
    """
    statements = []
    failed = grouped(
        (summary.step.cell.deployment, sum(_failed(summary)))
        for summary in summaries
        if sum(_failed(summary))
    )
    if failed:
        text = few((f"{name} {counted(sum(counts), 'upload')}" for name, counts in failed.items()), 5)
        statements.append(Statement("Failed", f"of many users: {text}", "bad", rank=0))
    errors = [(f"{step.result.status}, {step.result.error}", step) for step in every if step.result.error]
    for error, steps in list(grouped(errors).items())[:MOST_FAILURES]:
        statements.append(Statement("Failed", f"{few(map(_place, steps))}: {error}", "bad", rank=0))
    statements += _waits(summaries)
    for number, (fast, slow) in enumerate(_ends(summaries)):
        cell, users = fast.step.cell, counted(fast.step.users, "user")
        text = f"{cell.method} {format_size(cell.size_bytes)}: {cell.deployment} {_rate(fast)}"
        if fast is not slow:
            times = (fast.mb_per_second or 0.0) / (slow.mb_per_second or 1.0)
            text += f", {times_text(times)} as much as {_place(slow)}"
        statements.append(Statement(users, text, rank=2 if number else 0))
    return statements + _unmeasured(summaries)


def _unmeasured(summaries: Sequence[LoadSummary]) -> list[Statement]:
    """Return which steps have no speed, as some user ended before another was in full swing."""
    places = grouped(
        (counted(summary.step.users, "user"), _place(summary))
        for summary in summaries
        if summary.mb_per_second is None and any(map(summary.statuses.get, ACCEPTED))
    )
    text = "{}: no speed, as a user ended before another was in full swing; try larger --sizes"
    return [Statement(users, text.format(few(names, 5)), "warn") for users, names in places.items()]


def _waits(summaries: Sequence[LoadSummary]) -> list[Statement]:
    """Return which servers let uploads wait for slow users, and which do not."""
    slowed = _slowed(summaries)
    waiting = [(times, summary) for times, summary in slowed if times >= MUCH]
    statements = []
    for times, summary in waiting[:MOST_WAITING]:
        users = counted(summary.step.slow_users, "slow user")
        text = f"{_place(summary)}: an upload beside {users} takes {times_text(times)} as long"
        statements.append(Statement("Waits", text, "warn"))
    if rest := [_place(summary) for _, summary in waiting[MOST_WAITING:]]:
        statements.append(Statement("", f"also {few(rest, 5)}", "warn"))
    if steady := [(times, summary) for times, summary in slowed if times < MUCH]:
        names = few((_place(summary) for _, summary in steady), 5)
        statements.append(Statement("Holds", f"{names}: {times_text(steady[0][0])} as long at most", "good"))
    return statements


def _ends(summaries: Sequence[LoadSummary]) -> list[tuple[LoadSummary, LoadSummary]]:
    """Return the fastest and the slowest server of each link, method and size, with the most users."""
    ways = grouped(
        ((summary.link, summary.step.cell.method, summary.step.cell.size_bytes), summary)
        for summary in summaries
        if summary.mb_per_second and not summary.step.slow_users
    )
    found = []
    for steps in ways.values():
        most = max(summary.step.users for summary in steps)
        ordered = sorted(
            (summary for summary in steps if summary.step.users == most),
            key=lambda summary: -(summary.mb_per_second or 0.0),
        )
        found.append((ordered[0], ordered[-1]))
    return found


def _slowed(summaries: Sequence[LoadSummary]) -> list[tuple[float, LoadSummary]]:
    """Return how many times as long an upload takes beside the most slow users, the worst first."""
    cells = grouped(((summary.step.cell, summary.step.users), summary) for summary in summaries)
    found = []
    for steps in cells.values():
        alone = min(steps, key=lambda summary: summary.step.slow_users)
        beside = max(steps, key=lambda summary: summary.step.slow_users)
        if beside is not alone and alone.seconds_p50 and beside.seconds_p50:
            found.append((beside.seconds_p50 / alone.seconds_p50, beside))
    return sorted(found, key=lambda pair: -pair[0])


def _failed(summary: LoadSummary) -> list[int]:
    return [count for status, count in summary.statuses.items() if status not in ACCEPTED]


def _place(summary: LoadSummary) -> str:
    return summary.step.cell.deployment


def _rate(summary: LoadSummary) -> str:
    return f"{short(summary.mb_per_second or 0.0)} MB/s"
