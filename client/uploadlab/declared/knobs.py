"""configs/knobs.toml: single settings to change, one at a time."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.declared.toml_files import read_toml
from uploadlab.errors import UsageError
from uploadlab.selection import check, choose
from uploadlab.units import parse_size

CONFIG = "config"
"""The option that stands for the whole file."""


class Knob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option of a deployment, and the values to try in place of what is shipped."""

    deployment: str
    option: str
    """A setting of the config or, in capitals, a variable of the environment."""
    values: list[str]
    """An empty value removes the option."""
    why: str
    methods: list[str] = []
    """Methods to upload by; or else cases of the check, or a number of users at once."""
    size: str = "256MiB"
    cases: list[str] = []
    users: int = 0
    cpu: bool = False
    """Whether the effect is shown by the CPU seconds of server and client, too."""

    @property
    def is_variable(self) -> bool:
        """Return whether the option is a variable of the environment."""
        return self.option.isupper()

    def name(self, value: str) -> str:
        """Return the name of the deployment with that value."""
        if self.option == CONFIG:
            return f"{self.deployment}~{Path(value).stem}"
        set_to = f"{self.option}={value}" if value else f"no-{self.option}"
        return f"{self.deployment}~{re.sub(r'[^A-Za-z0-9._=-]+', '-', set_to)}"


class KnobFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    knobs: list[Knob]


def load_knobs(path: Path, deployments: Sequence[str]) -> list[Knob]:
    """Return the listed knobs; raise UsageError that says what is wrong in the file."""

    def check_names(content: KnobFile) -> None:
        for knob in content.knobs:
            check("deployment", knob.deployment, deployments)
            choose("method", knob.methods, METHODS)
            choose("case", knob.cases, CASES)
            parse_size(knob.size)
            if not (knob.methods or knob.cases or knob.users):
                raise UsageError(f"{knob.option} of {knob.deployment}: add methods, cases or users")

    return read_toml(path, KnobFile, check_names).knobs
