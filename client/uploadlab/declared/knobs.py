"""configs/knobs.toml: single settings to change, one at a time."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.errors import UsageError
from uploadlab.selection import check, choose
from uploadlab.units import parse_size

CONFIG = "config"
"""In place of an option: the whole file."""


class Knob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option of a deployment, and what it is set to in place of what is shipped."""

    deployment: str
    option: str
    """Of its config; in capitals, a variable of its environment."""
    values: list[str]
    """Empty: without the option."""
    why: str
    methods: list[str] = []
    """What is uploaded to see the effect; or else the cases of a check, or so many users at once."""
    size: str = "256MiB"
    cases: list[str] = []
    users: int = 0

    @property
    def is_variable(self) -> bool:
        """Whether it stands in the environment."""
        return self.option.isupper()

    def name(self, value: str) -> str:
        """Of the deployment with that value."""
        if self.option == CONFIG:
            return f"{self.deployment}~{Path(value).stem}"
        set_to = f"{self.option}={value}" if value else f"no-{self.option}"
        return f"{self.deployment}~{re.sub(r'[^A-Za-z0-9._=-]+', '-', set_to)}"


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    knobs: list[Knob]


def load_knobs(path: Path, deployments: Sequence[str]) -> list[Knob]:
    """The listed knobs; raises UsageError that says what is wrong in the file."""
    try:
        knobs = msgspec.toml.decode(path.read_bytes(), type=Listed).knobs
        for one in knobs:
            check("deployment", one.deployment, deployments)
            choose("method", one.methods, METHODS)
            choose("case", one.cases, CASES)
            parse_size(one.size)
            if not (one.methods or one.cases or one.users):
                raise UsageError(f"{one.option} of {one.deployment}: add methods, cases or users")
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return knobs
