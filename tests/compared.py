"""How a failed comparison of long bytes is shown: in a line or two, whatever else the run shows in full."""

from collections.abc import Sequence

MOST_BYTES = 200
"""Bytes that are short enough to be shown whole."""
AROUND = 20
"""How many bytes are shown from the first place that differs on."""


def difference(left: object, right: object) -> list[str]:
    """Say where long bytes differ, or lists and tuples that hold some; nothing of what is equal or short."""
    if not (_is_long(left) or _is_long(right)):
        return []
    if isinstance(left, bytes | bytearray) and isinstance(right, bytes | bytearray):
        return _bytes_difference(left, right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and type(left) is type(right):
        return _items_difference(left, right)
    return []


def _is_long(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_long, value))
    return isinstance(value, bytes | bytearray) and len(value) > MOST_BYTES


def _bytes_difference(left: bytes | bytearray, right: bytes | bytearray) -> list[str]:
    if left == right:
        return []
    # How much of their beginnings is equal; halved each time, as they may have many megabytes.
    at, end = 0, min(len(left), len(right))
    while at < end:
        middle = (at + end + 1) // 2
        if left[at:middle] == right[at:middle]:
            at = middle
        else:
            end = middle - 1
    return [
        f"{len(left)} bytes == {len(right)} bytes",
        f"they differ from byte {at} on: {_shown(left, at)} is not {_shown(right, at)}",
    ]


def _shown(value: bytes | bytearray, at: int) -> str:
    return f"{bytes(value[at : at + AROUND])!r}..." if len(value) > at else "the end"


def _items_difference(left: Sequence[object], right: Sequence[object]) -> list[str]:
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            words = difference(one, other) or [f"{_brief(one)} is not {_brief(other)}"]
            return [f"item {number} differs: {words[0]}", *words[1:]]
    return [f"{len(left)} items == {len(right)} items"] if len(left) != len(right) else []


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_BYTES else f"{text[:MOST_BYTES]}..."
