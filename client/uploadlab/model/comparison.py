"""What a run compares, as its run.json says. Nothing here does anything."""

from msgspec import Struct

from uploadlab.model.cells import Seconds

WITHIN = 0.03
"""The half width of an interval that is narrow enough, where the user gives none."""


MINUTES = 10.0
"""The time limit, where the user gives none."""


class Comparison(Struct, frozen=True):
    """Deployments against one of them, in rounds until their difference is clear."""

    base: str
    again: str
    """The base once more: how far it differs from itself is the noise."""
    others: dict[str, list[str]]
    """What each does otherwise than the base: lines of a diff."""
    within: float
    """The half width of an interval that is narrow enough, as a share; a smaller difference is none."""
    budget_seconds: Seconds
    """After it the measuring ends, however wide the intervals are."""
    ablation: bool = False
    """Whether each of the others is the base with one of its settings taken back."""
