"""configs/links.toml: the links that an upload can be sent over."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from uploadlab.declared.toml_files import read_toml
from uploadlab.errors import UsageError
from uploadlab.model.links import Cut, CutBy, Link, Range, Stall
from uploadlab.paths import LINKS
from uploadlab.selection import choose
from uploadlab.units import parse_rate, parse_size, positive

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
MOST_EVENTS = 100
MOST_ROUND_TRIP = 10.0
"""Seconds."""


class DeclaredCut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cut, with its place as people write it: ``4MiB``, or ``2MiB-6MiB`` for a place by the seed."""

    after: str
    by: CutBy


class DeclaredStall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stall, with its place as that of a cut."""

    after: str
    seconds: float


class DeclaredLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""

    title: str
    up: str = ""
    """``10Mbit/s``; empty: the link does not limit it."""
    down: str = ""
    round_trip_ms: float = 0.0
    cuts: list[DeclaredCut] = []
    stalls: list[DeclaredStall] = []


FIELDS = f"; known fields: {', '.join(DeclaredLink.__struct_fields__)}"


def load_links(path: Path = LINKS) -> dict[str, Link]:
    """Return the declared links by their names; raise UsageError that says what is wrong in the file."""
    return {name: _link(name, declared) for name, declared in _read(path).items()}


def chosen_links(names: Iterable[str], path: Path = LINKS) -> list[Link]:
    """Return the links of these names; raise UsageError."""
    known = load_links(path)
    return [known[name] for name in choose("link", list(names), known)]


def _read(path: Path) -> dict[str, DeclaredLink]:
    def check(content: dict[str, DeclaredLink]) -> None:
        for name, declared in content.items():
            try:
                _link(name, declared)
            except UsageError as error:
                raise UsageError(f"[{name}]: {error}") from None

    return read_toml(path, dict[str, DeclaredLink], check, FIELDS)


def _link(name: str, declared: DeclaredLink) -> Link:
    """Return a link of the file; raise UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError("a link's name is of a-z, 0-9, - and _")
    if declared.round_trip_ms:
        positive("round_trip_ms", declared.round_trip_ms)
    if declared.round_trip_ms > MOST_ROUND_TRIP * 1000:
        raise UsageError(
            f"round_trip_ms is at most {MOST_ROUND_TRIP * 1000:g}, not {declared.round_trip_ms:g}"
        )
    for stall in declared.stalls:
        positive("seconds of a stall", stall.seconds)
    if max(len(declared.cuts), len(declared.stalls)) > MOST_EVENTS:
        raise UsageError(f"a link has at most {MOST_EVENTS} cuts and stalls")
    return Link(
        name=name,
        title=declared.title,
        up=parse_rate(declared.up) if declared.up else 0,
        down=parse_rate(declared.down) if declared.down else 0,
        round_trip=declared.round_trip_ms / 1000,
        cuts=[Cut(_range(cut.after), cut.by) for cut in declared.cuts],
        stalls=[Stall(_range(stall.after), stall.seconds) for stall in declared.stalls],
    )


def _range(text: str) -> Range:
    """Return 2 and 6 MiB for ``2MiB-6MiB``, the same number twice for ``4MiB``; raise UsageError."""
    least, dash, most = text.partition("-")
    found = Range(parse_size(least), parse_size(most if dash else least))
    if found.least > found.most:
        raise UsageError(f"after = {text!r} ends before it begins: write the smaller size first")
    return found
