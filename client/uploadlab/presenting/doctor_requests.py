"""A table of all requests of the doctor. Pure."""

from uploadlab.model.exchanges import Ending, Examination, Exchange, Framing
from uploadlab.presenting.document import Bad, Section, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE
from uploadlab.units import format_size

HEADER = ("question", "request", "sent", "answer", "arrived")
FRAMINGS = {
    Framing.LENGTH: "",
    Framing.CHUNKED: ", chunked",
    Framing.NONE: ", no body",
    Framing.FRAMES: ", no length",
}


def request_section(examination: Examination) -> Section:
    """Return the table of all requests, for a page."""
    rows = [TableRow(_cells(exchange)) for exchange in examination.exchanges]
    table = Table("", HEADER, rows, wordy=True)
    return Section("requests", "Every request", tables=[table], is_long=True)


def _cells(exchange: Exchange) -> list[str]:
    form = " form" if exchange.is_form else ""
    asked = f"{exchange.verb}{form} {format_size(exchange.body_bytes)}{FRAMINGS[exchange.framing]}"
    return [
        ": ".join(filter(None, [exchange.question, exchange.label])),
        asked + (", Expect" if exchange.expected else "") + f", {exchange.protocol}",
        format_size(exchange.sent_bytes),
        _answer(exchange),
        _arrived(exchange),
    ]


def _answer(exchange: Exchange) -> str:
    after = f" after {exchange.seconds:.2g} s" if exchange.seconds is not None else ""
    if exchange.status is not None:
        return f"{exchange.status}{', early' * exchange.is_early}{after}"
    if exchange.ending is Ending.LEFT:
        return f"left on purpose{after}"
    return Bad(f"{exchange.ending}{after}{f': {exchange.error}' if exchange.error else ''}")


def _arrived(exchange: Exchange) -> str:
    arrived = exchange.arrived
    if arrived is None:
        return NO_FIGURE if exchange.stored == "unknown" else str(exchange.stored)
    text = format_size(arrived.size_bytes)
    is_lost = exchange.is_success and arrived.size_bytes < exchange.body_bytes
    return Bad(text) if is_lost else text
