"""What a rule of a cause is made of: the evidence of one cell, and the decorator that registers a rule.

A rule is a decorated function: its name is a section of docs/findings.md unless its decorator says another,
its docstring the sentence printed. It gets one cell and returns the figure that proves the cause, or None.
Figures are medians over the rounds.
"""

from collections.abc import Callable, Sequence
from math import inf
from statistics import median
from typing import Any, NamedTuple

from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.model.links import Link
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.profiles import Calls
from uploadlab.units import MIB

MUCH, MOST = 0.25, 0.8
"""From this share of the time on, something is a cause; and takes nearly all of the time."""
SETTLED_BYTES = 16 * MIB
"""Of a smaller body, sockets hold much."""


class CellEvidence(NamedTuple):
    """What was recorded of one cell."""

    rows: Sequence[Measurement]
    reference: Sequence[Measurement]
    """The reference's uploads of the same size."""
    calls: Calls | None
    """What a profile counted, if one was made."""
    foreign: bool = False
    """Whether the server is the user's own, and reports nothing of itself."""
    link: Link | None = None
    """What the uploads went over; None: nothing of the lab's."""

    @property
    def status(self) -> Status:
        """The status of the first upload that was not accepted, or ok."""
        return next((row.status for row in self.rows if row.status not in ACCEPTED), Status.OK)

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.rows[0].size_bytes

    @property
    def route(self) -> str:
        """The app's route, as far as the method has one that is known."""
        method = self.rows[0].method
        return ALL_METHODS[method].route if method in ALL_METHODS else ""

    @property
    def client(self) -> str:
        """The library or program that sent; empty: the lab itself."""
        method = self.rows[0].method
        return ALL_METHODS[method].client if method in ALL_METHODS else ""

    def median(self, field: str) -> float | None:
        """Return a field's median over the rounds; None: not measured."""
        return known_median(self.rows, field)

    def share(self, field: str) -> float:
        """Return seconds as a share of the upload's time; 0 if they are not known."""
        return (self.median(field) or 0.0) / (self.median("seconds") or inf)

    @property
    def spools(self) -> bool:
        """Whether most of a body that no socket buffer holds was written to disk once more."""
        return self.size_bytes >= SETTLED_BYTES and (self.median("spooled_bytes") or 0) >= self.size_bytes / 2

    @property
    def app_came_last(self) -> bool:
        """Whether the handler began after the client's last byte."""
        return self.share("server_seconds") <= 1.1 * self.share("response_wait_seconds")


Figure = Callable[[CellEvidence], float | None]


class Rule(NamedTuple):
    """One cause that a record can show."""

    name: str
    text: str
    """With ``{}`` for the figure."""
    unit: str
    fix: str
    """What to change, as an order to the reader."""
    finding: str
    """The section of docs/findings.md that explains it."""
    figure: Figure
    better: str = ""
    """The method to measure it against, if the lab has one with this fix."""
    of_times: bool = True
    """Whether it shows in times, which a busy host changes, too."""
    of_losses: bool = False
    """Whether it holds for uploads that were lost, whose times prove nothing."""
    by_client: bool = False
    """Whether it also holds at a server that reports nothing of itself."""


RULES: list[Rule] = []


def rule(fix: str, unit: str = ".0%", finding: str = "", **more: Any) -> Callable[[Figure], Figure]:
    """Register a rule; ``unit`` is how its figure is written, its finding has its name unless given."""

    def register(figure: Figure) -> Figure:
        name = figure.__name__.replace("_", "-")
        text = " ".join((figure.__doc__ or "").split())
        RULES.append(Rule(name, text, unit, fix, finding or name, figure, **more))
        return figure

    return register


def known_median(rows: Sequence[Measurement], field: str) -> float | None:
    """Return the median of a field's known values; None if none is known."""
    values = [value for row in rows if (value := getattr(row, field)) is not None]
    return median(values) if values else None
