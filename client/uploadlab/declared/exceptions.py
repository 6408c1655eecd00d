"""configs/exceptions.toml: known failures of the check."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.errors import UsageError
from uploadlab.model.checks import Known
from uploadlab.selection import choose


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    exceptions: list[Known] = []


def load_exceptions(path: Path, deployments: Iterable[str]) -> list[Known]:
    """The listed exceptions; raises UsageError that says what is wrong in the file."""
    known = list(deployments)
    try:
        listed = msgspec.toml.decode(path.read_bytes(), type=Listed).exceptions
        for one in listed:
            choose("case", one.cases, CASES)
            choose("deployment", one.deployments, known)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return listed
