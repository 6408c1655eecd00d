"""Who wrote an answer, and what identifies itself on the way to the app.

A Server header only says who passed an answer on last: nginx and Envoy replace it, HAProxy and Apache leave
it. An error page is its author's own. fingerprints.toml has both; nothing here asks a server.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
from msgspec import Struct

from uploadlab.model.exchanges import Exchange
from uploadlab.plain_text import plain

_HEAD = "HTTP/1.1\r\nHost: {host}\r\n"
_END = "Connection: close\r\n\r\n"
MALFORMED = "a header line without a colon"
ELICITING = {
    MALFORMED: f"GET {{path}} {_HEAD}no colon here\r\n{_END}",
    "a request line of 5,000 bytes": f"GET {{path}}?upload-lab={'a' * 5000} {_HEAD}{_END}",
    "more headers than 100": f"GET {{path}} {_HEAD}"
    + "".join(f"X-Upload-Lab-{number}: 1\r\n" for number in range(99))
    + _END,
    "a byte outside ASCII in the path": f"GET {{path}}\xe9 {_HEAD}{_END}",
    "a percent sign alone in the path": f"GET {{path}}% {_HEAD}{_END}",
}
"""Harmless requests, as Latin-1, by what is wrong with them; other programs on the way refuse each.

We tried them with nginx, HAProxy, Caddy, Envoy and Apache before ten servers. The outermost hop refuses the
first: all fronts, and all servers but uWSGI (which closes the connection), gevent and Python's http.server.
The second passes all fronts, and ends at gunicorn and uWSGI. The third has 101 headers with Host and
Connection: it passes nginx, Caddy and HAProxy, and ends at gunicorn, granian, gevent and Apache. The fourth
passes nginx and ends at all servers but gevent, Tornado and uWSGI. The fifth passes HAProxy and Envoy and
ends at nginx, Apache and Caddy.
"""
KINDS = ("platform", "front", "server", "app")
"""In the order in which a request passes them."""
SHOWN_EVIDENCE = 80
"""Letters of what an answer shows."""


class Program(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that an upload may pass."""

    title: str
    kind: str
    """One of ``KINDS``."""
    is_a: str = ""
    """A wider name, which some of its answers show: Caddy is a program in Go."""


class Fingerprint(Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer must have to show a program; fingerprints.toml explains the fields."""

    program: str
    source: str
    checked: date
    seen: str = "observed"
    proves: str = "wrote"
    status: list[int] = []
    content: str = ""
    headers: dict[str, str] = {}
    absent: list[str] = []
    empty: bool = False
    label: str = ""
    ending: list[str] = []
    unless: str = ""
    no_other: bool = False

    def match(self, exchange: Exchange) -> "Sighting | None":
        """Return the program with what shows it; None if the answer does not."""
        if self.label and self.label != exchange.label:
            return None
        if self.status and exchange.status not in self.status:
            return None
        if self.ending and exchange.ending not in self.ending:
            return None
        if (self.empty and exchange.content.strip()) or any(exchange.header(name) for name in self.absent):
            return None
        found = [re.search(text, exchange.header(name)) for name, text in self.headers.items()]
        found += [re.search(self.content, exchange.content)] if self.content else []
        matches = [match for match in found if match]
        return None if len(matches) < len(found) else self._hop(exchange, matches)

    def _hop(self, exchange: Exchange, matches: Sequence[re.Match[str]]) -> "Sighting":
        versions = [match.groupdict().get("version") for match in matches]
        version = next((version for version in versions if version), "")
        program = load_programs()[self.program]
        shown = self._evidence(exchange, matches)
        return Sighting(self.program, version, shown, program.title, program.kind, self.seen == "observed")

    def _evidence(self, exchange: Exchange, matches: Sequence[re.Match[str]]) -> str:
        """Return the words of the answer that show the program."""
        if self.content:
            return plain(" ".join(matches[-1][0].split()), SHOWN_EVIDENCE)
        if self.label:
            return f"{self.label} was {f'answered {exchange.status}' if exchange.status else exchange.ending}"
        named = [f"{name}: {exchange.header(name)}" for name in self.headers if name != "content-type"]
        return plain("; ".join(named) or f"no header {' or '.join(self.absent)}", SHOWN_EVIDENCE)


class Sighting(NamedTuple):
    """A program on the way to the app, with what shows it."""

    name: str
    """As causes.toml has it: ``nginx``."""
    version: str = ""
    evidence: str = ""
    """The words that were seen."""
    title: str = ""
    """As its makers write it."""
    kind: str = "front"
    """One of ``KINDS``."""
    is_observed: bool = True
    """Whether we have seen this fingerprint ourselves; a match by documentation is no proof."""

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.title or self.name} {self.version}".strip()


class _Fingerprints(Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    programs: dict[str, Program]
    fingerprint: list[Fingerprint]


@cache
def _load() -> _Fingerprints:
    text = (files("uploadlab.doctoring") / "fingerprints.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Fingerprints)


def load_programs() -> dict[str, Program]:
    """Return the programs that fingerprints name, by their names."""
    return _load().programs


def load_fingerprints() -> list[Fingerprint]:
    """Return all fingerprints, the first that holds being the right one."""
    return _load().fingerprint


def answered_by(exchange: Exchange) -> Sighting | None:
    """Return which program wrote an answer; None if the answer does not show it."""
    if exchange.status is None:
        return None
    own = (mark for mark in load_fingerprints() if mark.proves == "wrote" and not mark.label)
    return next((hop for mark in own if (hop := mark.match(exchange))), None)


def hops(exchanges: Iterable[Exchange]) -> list[Sighting]:
    """Return what identifies itself on the way, outermost first as far as the answers show it."""
    seen = list(exchanges)
    first = next((exchange for exchange in seen if exchange.label == MALFORMED), None)
    outermost = answered_by(first) if first else None
    found = [outermost] if outermost else []
    found += _passed(seen)
    found += [hop for exchange in seen if (hop := answered_by(exchange))]
    found += _inferred(seen, {hop.name for hop in found})
    merged = _merged(_named(found))
    return sorted(merged, key=lambda hop: KINDS.index(hop.kind))


def _named(found: Sequence[Sighting]) -> Iterator[Sighting]:
    """Yield the hops; where the way shows a narrower name of a program, only that name."""
    known = {hop.name: hop for hop in found}
    narrower = {load_programs()[name].is_a: name for name in known if load_programs()[name].is_a}
    for hop in found:
        yield known[narrower[hop.name]] if hop.name in narrower else hop


def _passed(seen: Sequence[Exchange]) -> Iterator[Sighting]:
    """Yield the programs that headers show: those that Via names first, since their order is known."""
    marks = [mark for mark in load_fingerprints() if mark.proves == "passed"]
    for by_via in (True, False):
        for exchange in seen:
            if exchange.status is not None:
                found = [(mark, mark.match(exchange)) for mark in marks if ("via" in mark.headers) is by_via]
                yield from (hop for _, hop in found if hop)


def _inferred(seen: Sequence[Exchange], known: set[str]) -> Iterator[Sighting]:
    """Yield the programs that only our own malformed requests show."""
    for mark in load_fingerprints():
        for exchange in seen if mark.label else ():
            hop = mark.match(exchange)
            others = [other for other in seen if other.label != mark.label and other.status in mark.status]
            if hop and mark.unless not in known and not (mark.no_other and others):
                known.add(hop.name)
                yield hop


def _merged(found: Iterable[Sighting]) -> list[Sighting]:
    """Return each program once, with its version where an answer shows it; two versions are two programs."""
    kept: dict[tuple[str, str], Sighting] = {}
    for hop in found:
        versions = [version for name, version in kept if name == hop.name]
        if "" in versions and hop.version:
            kept = {(name, hop.version if name == hop.name and not version else version): _versioned(old, hop)
                    for (name, version), old in kept.items()}  # fmt: skip
        elif hop.version not in versions and (hop.version or not versions):
            kept[hop.name, hop.version] = hop
    return list(kept.values())


def _versioned(old: Sighting, new: Sighting) -> Sighting:
    """Return a hop with the version that another answer shows of the same program."""
    return old._replace(version=new.version) if old.name == new.name and not old.version else old
