"""Decodes the rows of a run, and tells sound rows from damaged ones."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

from uploadlab.model.cells import Cell
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled

Row = TypeVar("Row", bound=msgspec.Struct)


MOST_DIGITS = 20
"""Of a size in bytes."""
LEAST_SECONDS, MOST = 1e-9, 1e18
"""A shorter time is no measured time, and a larger number counts nothing that a run has."""


def sound_rows(lines: Sequence[bytes], kind: type[Row]) -> list[Row]:
    """Return the rows of those lines that can be decoded and make sense."""
    decoder = msgspec.json.Decoder(kind)
    rows = []
    for line in lines:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            rows.append(decoder.decode(line))
    return [row for row in rows if is_sound(row)]


def is_sound(row: msgspec.Struct) -> bool:
    """Return whether its names fit together, and no number is negative or absurd."""
    numbers = (value for value in msgspec.structs.astuple(row) if isinstance(value, int | float))
    if not all(0 <= value <= MOST for value in numbers):
        return False
    match row:
        case Measurement():
            named = row.warmup or row.cell_id == Cell(row.deployment, row.method, row.size_bytes).id
            timed = row.status not in ACCEPTED or _is_time(row.seconds)
            return row.size_bytes > 0 and named and timed
        case LoadUpload():
            return row.size_bytes > 0 and _is_time(row.seconds)
        case Profiled():
            *names, size = row.cell_id.rsplit("/", 2)
            return len(names) == 2 and size.isdecimal() and len(size) < MOST_DIGITS and int(size) > 0
    return True


def _is_time(seconds: float | None) -> bool:
    return seconds is not None and seconds >= LEAST_SECONDS
