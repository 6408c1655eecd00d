"""What is asked of a run's figures: configs/ratios.toml."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from uploadlab.errors import UsageError
from uploadlab.units import parse_size

Names = Annotated[list[str], Meta(min_length=1)]


class Below(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cell below the line. What it does not name is the same as above."""

    deployment: str = ""
    method: str = ""
    size: str = ""

    def __str__(self) -> str:
        """What it names: ``raw-sink``, ``request.stream-lines 1MiB``."""
        return " ".join(word for word in (self.deployment, self.method, self.size) if word)


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rates of a method on each of these deployments, divided by that of the slowest cell of ``against``."""

    deployments: Names
    method: str
    against: Annotated[list[Below], Meta(min_length=1)]
    goal: Annotated[float, Meta(gt=0)]
    """The least it shall be."""
    why: str
    size: str = ""
    """Empty: each size that all its cells have."""
    by_cpu: bool = True
    """Whether, where client or ceiling limit it, CPU seconds per GB judge in place of MB/s."""

    @property
    def below(self) -> str:
        """The line's lower side in words."""
        words = " and ".join(map(str, self.against))
        return f"the slower of {words}" if len(self.against) > 1 else words


class Growth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much more memory a large upload may take than a small one."""

    sizes: tuple[str, str]
    """Of the small one, and of the large one."""
    methods: Names
    at_most: str
    why: str


class Goals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    ratios: list[Ratio] = []
    growth: Growth | None = None


def load_goals(path: Path) -> Goals:
    """What is declared; raises UsageError that says what is wrong in the file."""
    try:
        goals = msgspec.toml.decode(path.read_bytes(), type=Goals)
        for text in _sizes(goals):
            parse_size(text)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return goals


def _sizes(goals: Goals) -> list[str]:
    named = [
        size for one in goals.ratios for size in (one.size, *(cell.size for cell in one.against)) if size
    ]
    return [*named, *goals.growth.sizes, goals.growth.at_most] if goals.growth else named
