"""Choosing among declared names, with help for a misspelt one."""

import difflib
from collections.abc import Iterable

from uploadlab.model import UsageError


def choose(kind: str, wanted: Iterable[str], known: Iterable[str]) -> list[str]:
    """The known names that ``wanted`` selects, in their declared order.

    ``*`` stands for all and ``!name`` leaves one out; raises UsageError for an unknown name.
    """
    known, wanted = list(known), list(wanted)
    for name in wanted:
        if name != "*":
            check(kind, name.removeprefix("!"), known)
    chosen = {name for name in wanted if not name.startswith("!")}
    left_out = {name.removeprefix("!") for name in wanted if name.startswith("!")}
    return [name for name in known if ("*" in chosen or name in chosen) and name not in left_out]


def check(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UsageError, with the nearest known name, if ``name`` is not known."""
    known = list(known)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"unknown {kind} {name!r}: {hint}choose from {', '.join(known)}")
