"""Reads configs/exceptions.toml: the known exceptions of the check."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.declared.toml_files import read_toml
from uploadlab.errors import UsageError
from uploadlab.model.checks import KnownException
from uploadlab.selection import choose


class ExceptionsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    exceptions: list[KnownException] = []


def load_exceptions(path: Path, deployments: Iterable[str]) -> list[KnownException]:
    """Return the listed exceptions; raise UsageError that says what is wrong in the file."""
    names = list(deployments)

    def check_names(content: ExceptionsFile) -> None:
        listed = [known.name for known in content.exceptions]
        if twice := next((name for name in listed if listed.count(name) > 1), ""):
            raise UsageError(f"two exceptions are named {twice!r}: the grid refers to them by name")
        for known in content.exceptions:
            choose("case", known.cases, CASES)
            choose("deployment", known.deployments, names)

    return read_toml(path, ExceptionsFile, check_names).exceptions
