"""Reads configs/exceptions.toml: the known exceptions of the check."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.errors import UsageError
from uploadlab.model.checks import KnownException
from uploadlab.selection import choose


class ExceptionsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    exceptions: list[KnownException] = []


def load_exceptions(path: Path, deployments: Iterable[str]) -> list[KnownException]:
    """Return the listed exceptions; raises UsageError that says what is wrong in the file."""
    names = list(deployments)
    try:
        listed = msgspec.toml.decode(path.read_bytes(), type=ExceptionsFile).exceptions
        for known in listed:
            choose("case", known.cases, CASES)
            choose("deployment", known.deployments, names)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return listed
