"""What a run of timed uploads shows, in a title and a few sentences, the worst first."""

from collections.abc import Sequence
from math import isfinite

from uploadlab.analysis.cells import Summary, ceiling_name, reference_names
from uploadlab.analysis.diagnosis import Cause
from uploadlab.analysis.disturbances import Disturbance
from uploadlab.analysis.link_facts import names_behind
from uploadlab.analysis.losses import Loss
from uploadlab.analysis.ranking import CLEAR, Contrast, Ranking
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.analysis.unavailable import missing_parts
from uploadlab.model.deployments import EXTERNAL
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped, times_text
from uploadlab.presenting.rates import rate_in_full, rate_text, status_text
from uploadlab.presenting.unranked import unranked_title
from uploadlab.units import format_size

MOST_CHANGES = 3
RARE = 0.05
"""Up to this share of disturbed rounds, a host counts as quiet."""
LARGE = 1.5
"""Beside a loss, a smaller difference in speed is not worth the title."""
MUCH = 0.5
"""From this share of disturbed rounds on, the title says so."""
MOST_FAILURES = 3


def run_title(
    run: Run,
    summaries: Sequence[Summary],
    losses: Sequence[Loss],
    ranking: Ranking | None,
    found: Sequence[Disturbance],
    speed: str = "",
) -> str:
    """Return the main result: what was lost, what decides the speed, and whether the host was busy.

    ``speed`` is the sentence about speed, if the caller has one.
    """
    speed = speed or _own_server_in_short(run, ranking) or _speed_in_short(ranking, LARGE if losses else 1.0)
    parts = [_lost_in_short(run, losses), speed]
    if ranking and is_busy(found):
        parts.append("figures are uncertain: the host was busy with other work")
    text = "; ".join(filter(None, parts)) or unranked_title(run, summaries)
    return text if ranking and text.startswith(_names(ranking)) else f"{text[0].upper()}{text[1:]}"


def _names(ranking: Ranking) -> tuple[str, ...]:
    """Return the names that a title may begin with: they are written as they are."""
    return tuple({name for way in ranking.ways for name in (way.summary.method, way.summary.deployment)})


def _lost_in_short(run: Run, losses: Sequence[Loss]) -> str:
    behind = names_behind(run)
    for what, some in (
        ("lost a whole file", [loss for loss in losses if loss.is_whole]),
        ("stored other bytes than were sent", [loss for loss in losses if loss.stored_bytes]),
        ("did not prove what was stored", [loss for loss in losses if loss.stored_bytes is None]),
    ):
        if names := {behind[loss.deployment] for loss in some}:
            return f"{counted(len(names), 'server')} {what}"
    return ""


def is_busy(found: Sequence[Disturbance]) -> bool:
    """Return whether something disturbed most rounds, so that the run must be made again."""
    return any(disturbance.disturbed >= MUCH * disturbance.of for disturbance in found)


def _own_server_in_short(run: Run, ranking: Ranking | None) -> str:
    """Return how fast a server of the user's own is that was measured alone; empty for other runs."""
    own = {target.name for target in run.targets if target.tier == EXTERNAL}
    names = {way.summary.deployment for way in ranking.ways} if ranking else set()
    if not ranking or len(names) != 1 or not names <= own:
        return ""
    fastest, ceiling = ranking.fastest, ceiling_name(run)
    text = f"{fastest.deployment} takes {rate_text(fastest)} MB/s by {fastest.method}"
    if fastest.share and ceiling:
        times = f"{times_text(1 / fastest.share)} slower than" if fastest.share < 1 else "as fast as"
        text += f", {times} {ceiling}, a plain server on loopback"
    return text + "; what it stored is not verified" * (fastest.status is Status.UNVERIFIED)


def _speed_in_short(ranking: Ranking | None, least: float) -> str:
    """Return what decides over the speed; nothing of differences below ``least`` times."""
    if not ranking:
        return ""
    contrast = _greater(ranking.methods, ranking.deployments)
    if (contrast.times if contrast else ranking.slowest.times) < least:
        return ""
    if contrast and contrast is ranking.methods:
        times = times_text(contrast.times)
        return f"uploads by {contrast.slow} are typically {times} slower than by {contrast.fast}"
    if contrast:
        return f"{contrast.slow} is typically {times_text(contrast.times)} slower than {contrast.fast}"
    if len(ranking.ways) == 1:
        return f"{_way(ranking.fastest)}: {rate_in_full(ranking.fastest)}"
    if ranking.slowest.is_clear:
        times = times_text(ranking.slowest.times)
        return f"{_way(ranking.slowest.summary)} is {times} slower than the fastest way{_of_size(ranking)}"
    return f"no clear difference in speed between {counted(len(ranking.ways), 'way')} to upload"


def _of_size(ranking: Ranking) -> str:
    """Return the size at which the slowest way was compared, where that is not the largest."""
    size_bytes = ranking.slowest.summary.size_bytes
    return "" if size_bytes == ranking.size_bytes else f" of {format_size(size_bytes)}"


def _greater(first: Contrast | None, second: Contrast | None) -> Contrast | None:
    """Return the greater contrast; a single pair is no rule where the other contrast has several."""
    known = filter(None, [first, second])
    return max(known, key=lambda contrast: (contrast.pairs > 1, contrast.times), default=None)


def arrival_statement(run: Run, rows: Sequence[Measurement]) -> list[Statement]:
    """Return how many files arrived whole, if all did; of baselines only where nothing else was measured."""
    references = reference_names(run)
    tried = [row for row in rows if not row.warmup and row.status is not Status.UNAVAILABLE]
    uploads = [row for row in tried if row.deployment not in references] or tried
    if not uploads or any(row.status is not Status.OK for row in uploads):
        return []
    behind = names_behind(run)
    names = {row.deployment for row in uploads}
    kind = "baseline" if names <= {*references} else "server"
    servers = counted(len({behind[name] for name in names}), kind)
    text = f"every file is whole: {counted(len(uploads), 'upload')} to {servers}, every byte checked"
    return [Statement("Arrived", text, "good", rank=2)]


def loss_statements(losses: Sequence[Loss]) -> list[Statement]:
    """Return a sentence for each method by which files were lost, with the servers that did."""
    groups = grouped(
        ((loss.method, loss.is_whole, loss.http_status), loss) for loss in largest_losses(losses)
    )
    statements = []
    for (method, _, http_status), lost in list(groups.items())[:MOST_FAILURES]:
        names, largest = few(loss.deployment for loss in lost), max(lost, key=lambda loss: loss.size_bytes)
        text = f"{names} answered {http_status or 'with success'} to {method} and {stored_text(largest)}"
        statements.append(Statement("Lost", text, "bad", rank=0))
    if len(groups) > MOST_FAILURES:
        methods = few((method for method, *_ in list(groups)[MOST_FAILURES:]), 4)
        statements.append(Statement("", f"and files sent by {methods}", "bad", rank=0))
    return statements


def largest_losses(losses: Sequence[Loss]) -> list[Loss]:
    """Return the losses of each way at its largest size."""
    largest: dict[tuple[str, str], Loss] = {}
    for loss in losses:
        pair = loss.deployment, loss.method
        largest[pair] = max(largest.get(pair, loss), loss, key=lambda known: known.size_bytes)
    return list(largest.values())


def stored_text(loss: Loss) -> str:
    """Return what a server stored of a file that it acknowledged."""
    if loss.stored_bytes is None:
        return "did not say what it stored"
    if loss.stored_bytes == loss.size_bytes:
        return f"stored {format_size(loss.size_bytes)} of other bytes"
    return f"stored {loss.stored_bytes} bytes of {format_size(loss.size_bytes)}"


def failure_statements(summaries: Sequence[Summary]) -> list[Statement]:
    """Return what failed without a loss, the failures that hit the most cells first."""
    missing = missing_parts(summaries)
    failed = [
        summary
        for summary in summaries
        if summary.status in (Status.REFUSED, Status.FAILED, Status.TIMEOUT, Status.UNAVAILABLE)
    ]
    groups = grouped(((summary.status, summary.error or ""), summary) for summary in failed)
    statements = []
    for (status, error), cells in sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_FAILURES]:
        if status is Status.UNAVAILABLE:
            text = f"{few(missing[cell.cell] for cell in cells)}: not measured, {error}"
        else:
            parts = [error] if error.startswith("answered ") else [status_text(cells[0]), error]
            text = f"{few(map(_way, cells))}: {', '.join(filter(None, parts))}"
        statements.append(Statement("Failed", text, "bad", rank=0))
    if len(groups) > MOST_FAILURES:
        rest = len(groups) - MOST_FAILURES
        statements.append(Statement("", f"and {counted(rest, 'other failure')}", "bad", rank=0))
    return statements


def speed_statements(ranking: Ranking | None) -> list[Statement]:
    """Return the fastest way and the slowest, or that all ways are about as fast."""
    if not ranking:
        return []
    fastest, slowest, others = ranking.fastest, ranking.slowest, ranking.as_fast
    if others and not slowest.is_clear:
        low = min(cell.mb_per_second or 0.0 for cell in others)
        rates = f"{low:.0f} to {rate_text(fastest)} MB/s"
        rounds = f"{counted(fastest.rounds, 'round')} of {format_size(ranking.size_bytes)}"
        text = f"{len(ranking.ways)} ways (a method at a server), none clearly faster: {rates} in {rounds}"
        return [Statement("Speed", text)]
    text = f"{_way(fastest)}: {rate_in_full(fastest)}"
    if others:
        text += f"; not clearly faster than {counted(len(others), 'other way')} (a method at a server)"
    statements = [Statement("Fastest", text)]
    if slowest.is_clear:
        slower = f"{times_text(slowest.times)} slower than the fastest{_of_size(ranking)}"
        text = f"{_way(slowest.summary)}: {slower}, {rate_in_full(slowest.summary)}"
        statements.append(Statement("Slowest", text))
    return statements


def change_statements(causes: Sequence[Cause]) -> list[Statement]:
    """Return what to change, what costs the most first; causes with the same fix share a sentence."""
    fixes = grouped((cause.rule.fix, cause) for cause in causes)
    statements = []
    for number, (fix, shared) in enumerate(list(fixes.items())[:MOST_CHANGES], 1):
        first = shared[0]
        text = f"{fix[0].upper()}{fix[1:]}"
        if isfinite(first.times):  # a loss has its own sentence
            servers = {name for names in first.places.values() for name in names}
            where = f"at {len(servers)} servers" if len(servers) > 1 else f"on {min(servers)}"
            cost = f", up to {times_text(first.times)} slower" if first.times >= CLEAR else ""
            text += f" ({few(first.places)} {where}{cost})"
        more = " ".join(cause.sentence for cause in shared)
        statements.append(
            Statement(f"Change {number}", text, "change", more, first.rule.finding, rank=number)
        )
    return statements


def noise_statements(found: Sequence[Disturbance], of: str, holds: bool = False) -> list[Statement]:
    """Return what disturbed the host in more than a few of the rounds or steps, as ``of`` calls them.

    ``holds`` says whether the slowest way was slower in every round nevertheless.
    """
    return [
        Statement(
            "Noise",
            f"in {seen.disturbed} of {counted(seen.of, of)}, {seen.warning.what}{_extent(seen)}: "
            + seen.warning.advice
            + "; Slowest was slower in every round" * holds,
            "warn",
            rank=0,
        )
        for seen in found
        if seen.disturbed > RARE * seen.of
    ]


def _extent(disturbance: Disturbance) -> str:
    return f" (up to {disturbance.most_cores:.1f} cores)" if disturbance.most_cores else ""


def proof_statements(run: Run, summaries: Sequence[Summary]) -> list[Statement]:
    """Return which servers nobody has looked at for what they stored."""
    behind = names_behind(run)
    unverified = [behind[cell.deployment] for cell in summaries if cell.status is Status.UNVERIFIED]
    text = f"{few(unverified)} answered with success; what it stored was not read back: add --stored-url"
    return [Statement("Unproven", text, "warn", rank=0)] if unverified else []


def fallback_statements(summaries: Sequence[Summary]) -> list[Statement]:
    """Return which files went by blocks, where their method can avoid copies, and why."""
    groups = grouped((summary.fallback, summary) for summary in summaries if summary.fallback is not None)
    return [
        Statement("By blocks", f"{few(map(_way, cells))}: {why}", "warn", rank=2)
        for why, cells in groups.items()
    ]


def precision_statements(summaries: Sequence[Summary], of_clients: bool = False) -> list[Statement]:
    """Return how exact the rates are, and which of them say little of the server.

    ``of_clients`` says that the clients are what is compared.
    """
    statements = []
    rates = [summary for summary in summaries if summary.mb_per_second is not None]
    if rough := [summary for summary in rates if summary.rounds < LEAST_ROUNDS]:
        most = max(summary.rounds for summary in rough)
        share = "All" if len(rough) == len(rates) else f"{len(rough)} of {len(rates)}"
        of = counted(most, "round")
        text = f"{share} rates are of {of} at most (~): --rounds {LEAST_ROUNDS} gives medians"
        statements.append(Statement("Rough", text, "warn", rank=3))
    limited = sum(summary.client_limited for summary in rates)
    if limited and not of_clients:
        text = f"the client or the ceiling limits {limited} of {len(rates)} rates (*): compare CPU s/GB"
        statements.append(Statement("Limit", text, rank=4))
    return statements


def _way(summary: Summary) -> str:
    return f"{summary.method} on {summary.deployment}"
