"""Decodes the rows of a run, and tells sound rows from damaged ones."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled
from uploadlab.storage.files import MOST_LINE_BYTES

Row = TypeVar("Row", bound=msgspec.Struct)
Content = TypeVar("Content")


MOST_NAMES = 2000
"""Cells, steps or checks of a run: twice as many as a run of all deployments has."""
MOST_DIGITS = 20
"""Of a size in bytes."""
LEAST_SECONDS, MOST = 1e-9, 1e18
"""A shorter time is no measured time, and a larger number counts nothing that a run has."""


def decoded(content: bytes, decoder: msgspec.json.Decoder[Content]) -> Content:
    """Return what JSON of any source holds; raise DecodeError for all that can be wrong with it."""
    try:
        return decoder.decode(content)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"it is not UTF-8 ({error.reason})") from None
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None


def sound_rows(lines: Iterable[bytes], kind: type[Row]) -> tuple[list[Row], int]:
    """Return the rows of those lines that can be decoded and make sense, and how many others there are."""
    decoder = msgspec.json.Decoder(kind)
    rows, damaged = [], 0
    names: set[str] = set()
    for line in lines:
        row = sound_row(line, decoder)
        name = _subject(row)
        if row is None or (name not in names and len(names) == MOST_NAMES):
            damaged += 1
        else:
            names.add(name)
            rows.append(row)
    return rows, damaged


def _subject(row: Any) -> str:
    """Return what a row is about; empty for an upload of a step, which the step's row names."""
    match row:
        case Measurement() | Profiled():
            return row.cell_id
        case LoadStep():
            return row.step_id
        case Check():
            return f"{row.deployment}/{row.case}"
    return ""


def sound_row(line: bytes, decoder: msgspec.json.Decoder[Row]) -> Row | None:
    """Return the row of a line; return None if it cannot be decoded, or makes no sense."""
    try:
        row = decoded(line, decoder) if len(line) <= MOST_LINE_BYTES else None
    except msgspec.DecodeError:
        return None
    return row if row is not None and _is_sound(row) else None


def _is_sound(row: Any) -> bool:
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
