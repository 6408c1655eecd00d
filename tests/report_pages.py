"""A document made by hand that has each kind of part a page can show."""

from uploadlab.model.cells import Cell
from uploadlab.presenting.document import (
    Axis,
    Bad,
    Bar,
    Bars,
    Chart,
    Document,
    Figured,
    Key,
    Point,
    Section,
    Statement,
    Table,
    TableRow,
    Verdicted,
)

SERVERS = {f"server-{number}": "tuned" if number < 8 else "stock" for number in range(12)}
NOTE = "stored 65536 of 131072 bytes and answered 201: `wsgi.input_terminated` is not set"
ABOUT = "A body in chunks, the last of which has a trailer"
RATES = [("server-0", 90.0), ("server-1", 1200.0), ("server-2", None), ("server-3", 8.5), ("server-4", 90.0)]


def hand_made() -> Document:
    """A grid of twelve servers, a forest plot with a lost body, a table that sorts, charts and configs."""
    sections = [
        Section("check", "Does every byte arrive?", ["Failures first."], [_grid()], is_open=True),
        Section("comparison", "Verdicts", bars=[_bars()], is_open=True),
        Section("cells", "Every figure", tables=[_rates()]),
        Section("charts", "Against size", charts=[_chart()]),
        Section("configs", "Configs", texts={"configs/a.ini": "[uwsgi]\nmaster = true\n"}, is_long=True),
    ]
    return Document(
        title="server-3 lost a whole file",
        facts=["plan p", "2026-01-31 12:00 UTC"],
        notices=[],
        answer=[
            Statement("Lost", "server-3 answered 201 and stored nothing", "bad", "Because.", "lost-body")
        ],
        commands={},
        pictures=[],
        sections=sections,
        deployments=SERVERS,
        methods=["request.stream"],
        sizes=[1 << 20, 1 << 30],
        figures=[],
    )


def verdict(text: str, tone: str, *notes: str) -> Verdicted:
    """Return a cell of a grid."""
    cell = Verdicted(text)
    cell.tone, cell.notes = tone, notes
    return cell


def _grid() -> Table:
    tones = ["lost", "bad", "known", "unknown", "good"]
    rows = []
    for case in range(30):
        cells = [
            verdict(tone, tone, *([NOTE] if tone in ("lost", "bad", "known") else []))
            for number in range(len(SERVERS))
            for tone in [tones[min(4, (number + case) % 9)]]
        ]
        rows.append(TableRow([f"case-{case}", *cells], about=ABOUT))
    return Table("tuned", ["", *SERVERS], rows, columns=[Key(name) for name in SERVERS], wordy=True)


def _bars() -> Bars:
    rows = [
        Bar(Key("server-3"), "server-3", "request.stream", "wrong: 0 of 64 MiB", "lost"),
        Bar(Key("server-4"), "server-4", "request.stream", "ok, the base: refused", "saved"),
        Bar(
            Key("server-1"),
            "server-1",
            "request.stream",
            "slower 0.5x [0.4, 0.6]",
            "worse",
            15,
            20,
            30,
            (40, 60),
        ),
    ]
    return Bars("64 MiB: speed", "slower", "faster", [("0.5x", 25), ("1x", 50), ("2x", 75)], rows)


def _rates() -> Table:
    rows = []
    for name, rate in RATES:
        shown: str = Bad("wrong: 0 bytes") if rate is None else Figured(f"~{rate:.0f}")
        size = Figured("1 GiB" if name == "server-1" else "512 KiB")
        size.value = 1 << 30 if name == "server-1" else 1 << 19
        if isinstance(shown, Figured) and rate is not None:
            shown.value = rate
        rows.append(TableRow([name, size, shown, "-"], Key(name)))
    return Table("", ["deployment", "size", "MB/s", "spooled"], rows, is_sortable=True)


def _chart() -> Chart:
    points = [
        Point(Cell(name, "request.stream", size), [size / 1e9])
        for name in SERVERS
        for size in (1 << 20, 1 << 30)
    ]
    return Chart("time", "Time against size", "Seconds.", Axis("size", "size"), Axis("seconds", "s"), points)
