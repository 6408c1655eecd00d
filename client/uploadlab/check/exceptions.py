"""What is known to fall short of the oracle: configs/exceptions.toml."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from uploadlab.check.cases import CASES
from uploadlab.model import UsageError
from uploadlab.names import choose
from uploadlab.verdicts import Check, Known, Verdict


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


def known_exception(row: Check, exceptions: Sequence[Known]) -> Known | None:
    """The exception that covers an attempt; None if it is none, or nobody knew."""
    if row.verdict not in (Verdict.FAIL, Verdict.LOSS):
        return None
    return next((one for one in exceptions if _covers(one, row)), None)


def _covers(one: Known, row: Check) -> bool:
    here = row.case in one.cases and row.deployment in one.deployments
    return here and any(fnmatchcase(row.text, pattern) for pattern in one.shows)
