"""The doctor's answers for stacks with planted faults: one line for each, and which of them are right."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from uploadlab.model.diagnoses import Weight
from uploadlab.paths import BENCHMARK

PLANTED = BENCHMARK / "planted"
PLANTED_RESULTS = PLANTED / "results.jsonl"
"""The committed run."""
FAMILIES = PLANTED / "families.toml"
HEALTHY = "healthy"
"""The family of stacks without a fault."""
GOAL, FAR_END_GOAL = 0.80, 0.95
"""Shares of planted stacks whose cause must come first: without the far end, and with it."""


class PlantedFamily(Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong, at whichever hop, as an entry of families.toml."""

    name: str
    effect: str
    """One of ``EFFECTS``."""
    held_out: bool
    """Whether its stacks were used in the final run only."""
    says: Annotated[str, Meta(min_length=10)]


class PlantedAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the doctor said of one stack."""

    stack: str
    family: str
    says: str = ""
    """What is planted."""
    held_out: bool = False
    far_end: bool = False
    """Whether the doctor could ask the far end."""
    expected: list[str] = []
    """Ids of the causes that are right; empty: the stack is healthy."""
    causes: list[str] = []
    """Of the doctor's findings, in its order."""
    weights: list[Weight] = []
    """Of the same findings."""
    seconds: float = 0.0
    sent_bytes: int = 0
    """Bodies alone."""
    stop: str = ""
    """Why the examination ended."""
    hops: list[str] = []
    """What the doctor recognized, with versions."""
    version: str = ""
    """Of the lab."""
    day: str = ""
    error: str = ""
    """Why there is no answer."""

    @property
    def is_right(self) -> bool:
        """Whether the first cause is the planted one; of a healthy stack, whether all findings are notes."""
        if self.error:
            return False
        if self.family == HEALTHY:
            return all(weight is Weight.NOTE for weight in self.weights)
        return bool(self.causes) and self.causes[0] in self.expected

    @property
    def said(self) -> str:
        """The cause that the doctor named first; of a healthy stack, the first that is no note."""
        if self.error:
            return "no answer"
        pairs = zip(self.causes, self.weights, strict=True)
        worst = [cause for cause, weight in pairs if self.family != HEALTHY or weight is not Weight.NOTE]
        return worst[0] if worst else "nothing"


@cache
def load_planted_families() -> dict[str, PlantedFamily]:
    """Return the families by their names; raise msgspec.ValidationError."""
    declared = msgspec.toml.decode(FAMILIES.read_bytes(), type=dict[str, list[PlantedFamily]])
    return {family.name: family for family in declared["families"]}


def read_planted(path: Path = PLANTED_RESULTS) -> list[PlantedAnswer]:
    """Return the answers of a run, the last for each stack and far end; none without a file."""
    if not path.exists():
        return []
    decode = msgspec.json.Decoder(PlantedAnswer).decode
    answers = [decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    return list({(answer.stack, answer.far_end): answer for answer in answers}.values())


def share_right(answers: Iterable[PlantedAnswer]) -> tuple[int, int]:
    """Return how many answers are right, and how many there are."""
    answers = list(answers)
    return sum(answer.is_right for answer in answers), len(answers)
