"""Tables of a run of several clients: each way to send below its client, servers across."""

from collections.abc import Sequence
from statistics import median

from uploadlab.analysis.cells import Summary
from uploadlab.catalogue.clients import sender_of
from uploadlab.model.measurements import Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Bad, Key, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE, figure, grouped, hundredths, mib
from uploadlab.presenting.tables import cell_text
from uploadlab.units import format_size

CLIENT_CPU, CLIENT_MEMORY, OUTSIDE = "client CPU s/GB", "client RSS", "outside"
CLIENT_LEGEND = (
    "Below each server: MB/s, and the share of {ceiling}. Client CPU, client RSS: of the client with all its "
    "processes, the middle over the servers and the highest peak. Outside: the time of an upload that is not "
    "in the app's handler, nearly all of it before the first byte; the middle over the servers."
)


def client_tables(run: Run, summaries: Sequence[Summary]) -> list[Table]:
    """Return a table for each size that other clients sent, that of the most cells first."""
    order = list(dict.fromkeys(cell.method for cell, *_ in run.cells))
    mine = [cell for cell in summaries if sender_of(cell.method)[0]]
    mine.sort(key=lambda cell: order.index(cell.method))
    by_size = grouped((cell.size_bytes, cell) for cell in mine)
    most_first = sorted(by_size.items(), key=lambda item: -len(item[1]))
    return [_table(run, size_bytes, cells) for size_bytes, cells in most_first]


def _table(run: Run, size_bytes: int, cells: Sequence[Summary]) -> Table:
    measured = {cell.deployment for cell in cells}
    servers = [target.name for target in run.targets if target.name in measured]
    rows: list[TableRow] = []
    for client, ways in grouped((sender_of(cell.method)[0], cell) for cell in cells).items():
        if all(cell.status is Status.UNAVAILABLE for cell in ways):
            rows.append(TableRow([client, *[Bad(Status.UNAVAILABLE)] * len(servers), *[NO_FIGURE] * 3]))
            continue
        by_method = grouped((cell.method, cell) for cell in ways)
        rows.append(TableRow([client]))
        rows += [_row(method, own, servers) for method, own in by_method.items()]
    header = ["", *servers, CLIENT_CPU, CLIENT_MEMORY, OUTSIDE]
    columns = [*(Key(name) for name in servers), Key(), Key(), Key()]
    narrow = [CLIENT_CPU, *servers, CLIENT_MEMORY]
    return Table(format_size(size_bytes), header, rows, Key(size_bytes=size_bytes), columns, narrow=narrow)


def _row(method: str, cells: Sequence[Summary], servers: Sequence[str]) -> TableRow:
    at = {cell.deployment: cell for cell in cells}
    cpu = [known for cell in cells if (known := cell.client_cpu_seconds_per_gb) is not None]
    memory = [cell.client_peak_rss_bytes for cell in cells if cell.client_peak_rss_bytes]
    outside = [known for cell in cells if (known := cell.outside_handler_seconds) is not None]
    texts = [
        sender_of(method)[1],
        *(cell_text(at.get(name)) for name in servers),
        figure(median(cpu) if cpu else None, hundredths),
        figure(max(memory, default=None), mib),
        figure(median(outside) if outside else None, milliseconds),
    ]
    return TableRow(texts, Key(method=method), is_below=True)


def milliseconds(seconds: float) -> str:
    """Return ``42 ms``, ``1.5 s``."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
