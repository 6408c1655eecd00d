"""The goals for a run's figures: configs/ratios.toml."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from uploadlab.declared.toml_files import read_toml
from uploadlab.paths import RATIOS
from uploadlab.units import parse_size

Names = Annotated[list[str], Meta(min_length=1)]


class Below(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cell below the line. What the cell does not name is the same as above."""

    deployment: str = ""
    method: str = ""
    size: str = ""

    def __str__(self) -> str:
        """Return what the cell names: ``raw-sink``, ``request.stream-lines 1MiB``."""
        return " ".join(word for word in (self.deployment, self.method, self.size) if word)


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A method's rates on each of these deployments, over the rate of the slowest cell of ``against``.

    With ``cpu``: its CPU seconds per GB, over those of the dearest cell.
    """

    deployments: Names
    method: str
    against: Annotated[list[Below], Meta(min_length=1)]
    goal: Annotated[float, Meta(gt=0)]
    """The least ratio that meets the goal; of CPU seconds, the largest."""
    why: str
    size: str = ""
    """Empty: each size that all cells of the ratio have."""
    link: str = ""
    """What the uploads go over; empty: nothing of the lab's."""
    by_cpu: bool = True
    """Whether CPU seconds per GB judge where the client or the ceiling limits MB/s."""
    cpu: Literal["", "server", "client"] = ""
    """Whose CPU seconds per GB are divided; empty: MB/s are."""

    @property
    def below(self) -> str:
        """Return the line's lower side in words."""
        words = " and ".join(map(str, self.against))
        worse = "dearer" if self.cpu else "slower"
        return f"the {worse} of {words}" if len(self.against) > 1 else words


class Growth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit for the memory that a large upload takes over a small one."""

    sizes: tuple[str, str]
    """Of the small upload, and of the large upload."""
    methods: Names
    at_most: str
    why: str


class Goals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    ratios: list[Ratio] = []
    growth: Growth | None = None


def declared_goals() -> Goals:
    """Return the goals of the checkout; none outside of one. Raise UsageError."""
    return load_goals(RATIOS) if RATIOS.exists() else Goals()


def load_goals(path: Path) -> Goals:
    """Return the declared goals; raise UsageError that says what is wrong in the file."""
    return read_toml(path, Goals, _check)


def _check(goals: Goals) -> None:
    sizes = [size for ratio in goals.ratios for size in (ratio.size, *(cell.size for cell in ratio.against))]
    if goals.growth:
        sizes += [*goals.growth.sizes, goals.growth.at_most]
    for size in filter(None, sizes):
        parse_size(size)
