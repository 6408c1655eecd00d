"""Decodes the rows of a run, and tells sound rows from damaged ones."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled
from uploadlab.model.runs import MOST_CELLS, MOST_CHECK_CELLS, MOST_DEPLOYMENTS, MOST_METHODS
from uploadlab.storage.files import MOST_LINE_BYTES

Row = TypeVar("Row", bound=msgspec.Struct)
Content = TypeVar("Content")


MOST_NAMES = MOST_DEPLOYMENTS, MOST_METHODS, MOST_CELLS
"""Different names in the rows of a file: tables have a row or a column for each."""
MOST_CHECKED_NAMES = MOST_DEPLOYMENTS, MOST_METHODS, MOST_CHECK_CELLS
"""The same in the rows of a check, which has a cell for each case at each deployment."""
NUMBERS = (int, float)
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
    known: tuple[set[str], ...] = (set(), set(), set())
    together: set[tuple[str, str, str]] = set()
    limits = MOST_CHECKED_NAMES if kind is Check else MOST_NAMES
    for line in lines:
        row = sound_row(line, decoder)
        if row is None:
            damaged += 1
            continue
        names = _names(row)
        if names not in together:
            parts = list(zip(names, known, limits, strict=True))
            if any(name not in seen and len(seen) == most for name, seen, most in parts):
                damaged += 1
                continue
            for name, seen, _ in parts:
                seen.add(name)
            together.add(names)
        rows.append(row)
    return rows, damaged


def _names(row: Any) -> tuple[str, str, str]:
    """Return the deployment, the method or case, and the cell or step that a row is about."""
    match row:
        case Measurement():
            return row.deployment, row.method, row.cell_id
        case Check():
            return row.deployment, row.case, f"{row.deployment}/{row.case}"
        case Profiled():
            deployment, method, _ = row.cell_id.rsplit("/", 2)
            return deployment, method, row.cell_id
        case LoadStep():
            return "", "", row.step_id
    return "", "", ""


def sound_row(line: bytes, decoder: msgspec.json.Decoder[Row]) -> Row | None:
    """Return the row of a line; return None if it cannot be decoded, or makes no sense."""
    try:
        row = decoded(line, decoder) if len(line) <= MOST_LINE_BYTES else None
    except msgspec.DecodeError:
        return None
    return row if row is not None and is_sound(row) else None


def is_sound(row: Any) -> bool:
    """Return whether its names fit together, and no number is negative or absurd."""
    for value in msgspec.structs.astuple(row):
        if isinstance(value, NUMBERS) and not 0 <= value <= MOST:
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
