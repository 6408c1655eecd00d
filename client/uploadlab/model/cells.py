"""What is measured: cells, and the steps and tasks made of them."""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from uploadlab.units import MOST, MOST_BYTES

Count = Annotated[int, Meta(ge=0, le=MOST)]
"""Rounds and users: more in a file is damage, and would take for ever."""
Size = Annotated[int, Meta(ge=0, le=MOST_BYTES)]
Seconds = Annotated[float, Meta(ge=0, le=MOST)]


class Cell(Struct, frozen=True):
    """Target x method x size."""

    deployment: str
    method: str
    size_bytes: Size

    @property
    def id(self) -> str:
        """``flask/request.stream/67108864``."""
        return f"{self.deployment}/{self.method}/{self.size_bytes}"


class Step(Struct, frozen=True):
    """A cell x users who upload at the same time, each one file after the other."""

    cell: Cell
    users: Count
    """As fast as they can."""
    seconds: Seconds
    """After this time nobody starts another upload."""
    slow_users: Count = 0
    """Beside them, and not counted with them."""
    pace: Size = 0
    """Bytes a second of each slow user."""

    @property
    def id(self) -> str:
        """``flask/request.stream/16777216/8``, with slow users ``.../1+8``."""
        return f"{self.cell.id}/{self.users}" + (f"+{self.slow_users}" if self.slow_users else "")


class Planned(NamedTuple):
    """A cell, how often to measure it, and the size of its warm-up."""

    cell: Cell
    rounds: Count
    warmup_bytes: Size


class Task(Struct, frozen=True):
    """One upload that a run has to do."""

    cell: Cell
    round: int
    warmup: bool = False
    repeat: bool = False
    """Whether the round was measured before, while the host was disturbed."""
