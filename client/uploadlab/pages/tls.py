"""Parts that show what TLS costs: each front beside the same front without it."""

from collections.abc import Iterator
from typing import NamedTuple

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.ratios import growth_rows
from uploadlab.analysis.round_pairs import times_as_much
from uploadlab.analysis.significance import Interval
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.declared.goals import load_goals
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Status
from uploadlab.pages.part import kept, kept_cells, page_part, split_names, untitled, where_measured
from uploadlab.paths import RATIOS
from uploadlab.presenting.figures import NO_FIGURE, between, figure, hundredths, tenths_of_mib, times
from uploadlab.presenting.rates import rate_text
from uploadlab.units import format_size

RUN = "tls"
"""The kept run of the plan of that name."""
WITHOUT = {"nginx-tls": "nginx-proxy-streaming", "caddy-tls": "caddy", "haproxy-tls": "haproxy-tuned"}
"""The deployment that differs by TLS alone; tests/test_tls_pairs.py compares the configs."""
BLOCKS = {"request.stream": "1 MiB", "request.stream-16k": "16 KiB"}
"""What the lab's own client hands over at a time."""
NOT_YET = "Not measured yet.\n"
SERVER_CPU, CLIENT_CPU = "server_cpu_seconds", "client_cpu_seconds"


class _Pair(NamedTuple):
    """A cell over TLS, and the same cell without it."""

    tls: Summary
    plain: Summary

    @property
    def more_cpu(self) -> tuple[float | None, float | None]:
        """CPU seconds for each GB that TLS adds, of the server and of the client."""
        server = self.tls.cpu_seconds_per_gb, self.plain.cpu_seconds_per_gb
        client = self.tls.client_cpu_seconds_per_gb, self.plain.client_cpu_seconds_per_gb
        more_server, more_client = (
            None if tls is None or plain is None else tls - plain for tls, plain in (server, client)
        )
        return more_server, more_client


@page_part
def tls_costs(methods: str) -> str:
    """Return a line for each front and method: rates and CPU seconds for each GB, without TLS and with it."""
    header = [
        format_size(_size_bytes()), "method", "MB/s without TLS", "with TLS", "times as fast",
        "server, CPU s/GB without TLS", "with TLS", "client, CPU s/GB without TLS", "with TLS",
    ]  # fmt: skip
    wanted = split_names("method", methods, ALL_METHODS)
    return untitled(header, [_cost_line(pair) for pair in _pairs(wanted)])


@page_part
def tls_sentences() -> str:
    """Return what the table says of the lab's usual way, as sentences."""
    method = next(iter(BLOCKS))
    pairs = [pair for pair in _pairs([method]) if pair.tls.status is Status.OK]
    shares = [ratio.value for pair in pairs if (ratio := _share(pair))]
    servers, clients = ([more for pair in pairs if (more := pair.more_cpu[side])] for side in (0, 1))
    return (
        f"- An upload by `{method}` is {_range(shares)} times as fast over TLS as without TLS.\n"
        f"- For each GB, the server uses {_range(servers)} CPU seconds more, the client {_range(clients)}.\n"
    )


@page_part
def tls_blocks() -> str:
    """Return what blocks of 16 KiB cost over TLS, beside blocks of 1 MiB."""
    large, small = BLOCKS
    header = [f"times as much with {BLOCKS[small]} as with {BLOCKS[large]}", "client's CPU", "server's CPU"]
    rows = []
    for name in WITHOUT:
        cells = Cell(name, small, _size_bytes()), Cell(name, large, _size_bytes())
        ratios = (times_as_much(kept(RUN).rows, *cells, field) for field in (CLIENT_CPU, SERVER_CPU))
        rows.append([f"`{name}`", *(_with_interval(ratio) for ratio in ratios)])
    return untitled(header, rows)


@page_part
def tls_memory() -> str:
    """Return how much more memory the large upload took than the small upload."""
    rows = growth_rows(kept_cells(RUN), load_goals(RATIOS).growth)
    if not rows:
        return NOT_YET
    sizes = sorted({size for row in rows for size in (row.small_bytes, row.cell.size_bytes)})
    header = [f"more memory, from {' to '.join(map(format_size, sizes))}", "client", "server"]
    lines = []
    for row in rows:
        more = (figure(size_bytes, tenths_of_mib) for size_bytes in (row.client_bytes, row.server_bytes))
        lines.append([f"`{row.cell.deployment}`", *more])
    return untitled(header, lines)


@page_part
def tls_measured() -> str:
    """Return where the kept run was measured."""
    return f"Plan `{RUN}`, {where_measured(RUN)}.\n"


def _size_bytes() -> int:
    """Return the largest size that was sent without TLS, too."""
    return max(summary.size_bytes for summary in kept_cells(RUN) if summary.deployment in WITHOUT.values())


def _pairs(methods: list[str]) -> Iterator[_Pair]:
    """Yield the pairs of the kept run; raise KeyError for a cell that it lacks."""
    cells = {summary.cell: summary for summary in kept_cells(RUN)}
    for tls, plain in WITHOUT.items():
        for method in methods:
            yield _Pair(*(cells[Cell(name, method, _size_bytes())] for name in (tls, plain)))


def _cost_line(pair: _Pair) -> list[str]:
    tls, plain = pair
    share = _share(pair)
    return [
        f"`{tls.deployment}`",
        tls.method,
        rate_text(plain),
        rate_text(tls),
        _with_interval(share),
        *(figure(of.cpu_seconds_per_gb, hundredths) for of in (plain, tls)),
        *(figure(of.client_cpu_seconds_per_gb, hundredths) for of in (plain, tls)),
    ]


def _share(pair: _Pair) -> Interval | None:
    """Return the rate over TLS divided by the rate without."""
    return times_as_much(kept(RUN).rows, pair.plain.cell, pair.tls.cell, "seconds")


def _with_interval(found: Interval | None) -> str:
    return f"{times(found.value)} {between(found.low, found.high)}" if found else NO_FIGURE


def _range(values: list[float]) -> str:
    """Return ``0.52 to 0.61``; a dash where nothing is known."""
    return f"{hundredths(min(values))} to {hundredths(max(values))}" if values else NO_FIGURE
