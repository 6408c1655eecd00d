"""What a run compares, as its run.json says. Nothing here does anything."""

from msgspec import Struct

from uploadlab.model.cells import Seconds

WITHIN = 0.03
"""The half width of an interval that is narrow enough, where the user gives none."""


MINUTES = 10.0
"""The time limit, where the user gives none."""


class ComparedSide(Struct, frozen=True):
    """One side of a comparison of versions: what a deployment, or the client that uploads to it, loads."""

    label: str
    """What a reader calls it: ``werkzeug 3.0.1``."""
    words: list[str] = []
    """Its requirements; none: what the lock files have."""
    packages: list[str] = []
    """The packages that these name, as far as a name is known; all others come along."""


class ComparedGroup(Struct, frozen=True):
    """Deployments that are compared with one of them."""

    base: str
    again: str
    """The base once more: how far it differs from itself is the noise."""
    others: dict[str, list[str]]
    """What each does otherwise than the base: lines of a diff."""
    place: str = ""
    """The deployment that each side is a copy of, of versions; empty: configs are compared."""
    sides: dict[str, ComparedSide] = {}
    """Of versions: the side that each is, the base and the base again included."""


class Comparison(Struct, frozen=True):
    """Groups of deployments, each against its own base, in rounds until their differences are clear."""

    groups: list[ComparedGroup]
    within: float
    """The half width of an interval that is narrow enough, as a share; a smaller difference is none."""
    budget_seconds: Seconds
    """After it the measuring ends, however wide the intervals are."""
    ablation: bool = False
    """Whether each of the others is the base with one of its settings taken back."""
    of_clients: bool = False
    """Whether the packages that differ are the client's, whose CPU and memory then count."""

    @property
    def bases(self) -> list[str]:
        """The base of each group."""
        return [group.base for group in self.groups]

    @property
    def others(self) -> dict[str, list[str]]:
        """What those of all groups do otherwise than their bases."""
        return {name: lines for group in self.groups for name, lines in group.others.items()}

    @property
    def sides(self) -> dict[str, ComparedSide]:
        """The sides of versions of all groups, by the names of the deployments; empty: of configs."""
        return {name: side for group in self.groups for name, side in group.sides.items()}
