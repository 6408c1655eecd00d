"""What is measured: cells, and the steps and tasks made of them."""

from typing import NamedTuple

from msgspec import Struct


class Cell(Struct, frozen=True):
    """Target x method x size."""

    deployment: str
    method: str
    size_bytes: int

    @property
    def id(self) -> str:
        """``flask/request.stream/67108864``."""
        return f"{self.deployment}/{self.method}/{self.size_bytes}"


class Step(Struct, frozen=True):
    """A cell x users who upload at the same time, each one file after the other."""

    cell: Cell
    users: int
    """As fast as they can."""
    seconds: float
    """After this time nobody starts another upload."""
    slow_users: int = 0
    """Beside them, and not counted with them."""
    pace: int = 0
    """Bytes a second of each slow user."""

    @property
    def id(self) -> str:
        """``flask/request.stream/16777216/8``, with slow users ``.../1+8``."""
        return f"{self.cell.id}/{self.users}" + (f"+{self.slow_users}" if self.slow_users else "")


class Planned(NamedTuple):
    """A cell, how often to measure it, and the size of its warm-up."""

    cell: Cell
    rounds: int
    warmup_bytes: int


class Task(Struct, frozen=True):
    """One upload that a run has to do."""

    cell: Cell
    round: int
    warmup: bool = False
