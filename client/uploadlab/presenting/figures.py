"""Figures and notes as short text."""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from uploadlab.units import MIB

NO_FIGURE = "-"
LONGEST_FIGURE = 40
TINY = 0.1
FIGURE = re.compile(r"~?\d")
Group = TypeVar("Group", bound=Hashable)
Item = TypeVar("Item")


def figure(value: float | None, write: Callable[[Any], str]) -> str:
    """Return the value as ``write`` has it, or a dash where the value is not known."""
    return NO_FIGURE if value is None else write(value)


def short(value: float) -> str:
    """Return ``42``, ``0.3``: small values keep one decimal."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def percent(share: float) -> str:
    """Return ``42%`` of 0.42."""
    return f"{short(100 * share)}%"


def hundredths(value: float) -> str:
    """Return ``0.42``."""
    return f"{value:.2f}"


def times(value: float) -> str:
    """Return ``0.42``; of a ratio below a tenth, two digits that say something."""
    return hundredths(value) if value >= TINY else f"{value:.2g}"


def between(low: float, high: float, write: Callable[[float], str] = times) -> str:
    """Return ``[0.86, 1.12]``, the ends of a ratio's interval; ``[0.86, 0.997]`` where 1 is not in it."""
    ends = (f"{end:.3f}" if end != 1 and hundredths(end) == "1.00" else write(end) for end in (low, high))
    return f"[{', '.join(ends)}]"


def mib(size_bytes: int) -> str:
    """Return ``42 MiB``."""
    return f"{size_bytes / MIB:.0f} MiB" if size_bytes >= MIB / 2 else "0"


def tenths_of_mib(size_bytes: float) -> str:
    """Return ``42.0 MiB``, and zero without a minus."""
    return f"{round(size_bytes / MIB, 1) + 0.0:.1f} MiB"


def grouped(pairs: Iterable[tuple[Group, Item]]) -> dict[Group, list[Item]]:
    """Return the items of each group, groups and items in the order in which they come."""
    groups: dict[Group, list[Item]] = {}
    for group, item in pairs:
        groups.setdefault(group, []).append(item)
    return groups


def place_notes(places: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each text, with all the places where it holds; ``places`` are pairs of both."""
    return [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in grouped(places).items()]


def times_text(ratio: float) -> str:
    """Return ``6 times``, ``1.4 times``."""
    return f"{short(ratio).removesuffix('.0')} times"


def counted(number: int, noun: str) -> str:
    """Return ``1 server``, ``2 servers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def few(names: Iterable[str], most: int = 3) -> str:
    """Return each name once: ``a``, ``a and b``, ``a, b and 5 more``."""
    words = list(dict.fromkeys(names))
    if len(words) > most:
        words[most - 1 :] = [f"{len(words) - most + 1} more"]
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last


def are_figures(column: Sequence[str]) -> bool:
    """Return whether some cells begin with a figure, and none is a sentence."""
    return any(map(FIGURE.match, column)) and all(len(cell) <= LONGEST_FIGURE for cell in column)


def rate_of_link(bytes_per_second: int) -> str:
    """Return ``10 Mbit/s``."""
    return f"{8 * bytes_per_second / 1e6:.4g} Mbit/s" if bytes_per_second else "no limit"
