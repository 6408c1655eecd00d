"""The first picture of a run of several clients: a line for each client, a dot for each of its ways.

The views are kinds of body: MB/s, then the CPU seconds that the client takes.
"""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.client_ranking import ClientRanking, client_cpu
from uploadlab.analysis.losses import Loss
from uploadlab.catalogue.clients import kind_of, sender_of
from uploadlab.presenting.client_speed import KIND_NAMES
from uploadlab.presenting.document import Dot, DotRow, Dots, Key
from uploadlab.presenting.dots import LogAxis, lost_dot, rate_axis, rate_dot
from uploadlab.presenting.figures import grouped, hundredths
from uploadlab.presenting.rates import rate_text
from uploadlab.presenting.run_answer import largest_losses
from uploadlab.units import format_size

CPU_UNIT = "s/GB"
LABELS = {"stream": "raw", "chunked": "chunked", "form": "form", "resumable": "resumable"}
"""Of the switch between the views, which has to fit on a phone."""


def client_dots(rankings: Sequence[ClientRanking], losses: Sequence[Loss]) -> list[Dots]:
    """Return the views of each kind of body that at least one client sent."""
    views = []
    for ranking in rankings:
        views.append(_rates(ranking, losses))
        if any(map(client_cpu, ranking.by_cpu)):
            views.append(_cpu(ranking))
    return views


def _rates(ranking: ClientRanking, losses: Sequence[Loss]) -> Dots:
    cells = [way.summary for way in ranking.ways]
    axis = rate_axis(cells)
    lost = grouped(
        (client, lost_dot(f"{way} at {loss.deployment}", loss))
        for loss in largest_losses(losses)
        for client, way in [sender_of(loss.method)]
        if client and kind_of(way) == ranking.kind
    )
    rows = [
        DotRow(
            client,
            _ends([(cell, rate_text(cell)) for cell in mine]),
            [rate_dot(_way(cell), cell, axis, ranking.size_bytes) for cell in mine],
            lost.pop(client, []),
        )
        for client, mine in grouped((_client(cell), cell) for cell in cells).items()
    ]
    rows += [DotRow(client, "", [], dots) for client, dots in lost.items()]
    what = KIND_NAMES[ranking.kind]
    caption = (
        f"MB/s with a {what} of {format_size(ranking.size_bytes)} at {ranking.deployment}, logarithmic; "
        "the fastest client first. A dot is the middle of the rounds of one way to send; its line reaches "
        "from the slowest to the fastest round."
    )
    return Dots(f"rates-{ranking.kind}", f"{LABELS[ranking.kind]}, MB/s", caption, "MB/s", axis.ticks(), rows)


def _cpu(ranking: ClientRanking) -> Dots:
    cells = [cell for cell in ranking.by_cpu if client_cpu(cell)]
    axis = LogAxis(client_cpu(cells[0]), client_cpu(cells[-1]))
    rows = [
        DotRow(
            client,
            _ends([(cell, hundredths(client_cpu(cell))) for cell in mine]),
            [_cpu_dot(cell, axis) for cell in mine],
        )
        for client, mine in grouped((_client(cell), cell) for cell in cells).items()
    ]
    what = KIND_NAMES[ranking.kind]
    caption = (
        f"CPU seconds of the client for each GB, with a {what} of {format_size(ranking.size_bytes)} at "
        f"{ranking.deployment}, logarithmic; the cheapest client first."
    )
    return Dots(f"cpu-{ranking.kind}", f"{LABELS[ranking.kind]}, CPU", caption, CPU_UNIT, axis.ticks(), rows)


def _cpu_dot(cell: Summary, axis: LogAxis) -> Dot:
    place = axis.place(client_cpu(cell))
    words = f"{cell.method} on {cell.deployment}: {hundredths(client_cpu(cell))} CPU seconds for each GB"
    return Dot(_way(cell), words, place, place, place, Key(cell.deployment, cell.method, cell.size_bytes))


def _ends(cells: Sequence[tuple[Summary, str]]) -> str:
    """Return the first and the last way of a line with their figures."""
    words = [f"{_way(cell)} {text}" for cell, text in cells]
    return words[0] if len(words) == 1 else f"{words[0]} to {words[-1]}"


def _client(cell: Summary) -> str:
    return sender_of(cell.method)[0]


def _way(cell: Summary) -> str:
    return sender_of(cell.method)[1]
