"""Chooses among declared names, and helps with a misspelt one."""

import difflib
from collections.abc import Collection, Iterable

from uploadlab.errors import UsageError


def choose(
    kind: str, wanted: Iterable[str], known: Iterable[str], usual: Collection[str] | None = None
) -> list[str]:
    """Return the known names that ``wanted`` selects, in their declared order.

    ``*`` stands for all, or the usual ones, and ``!name`` leaves one out; raise UsageError for an
    unknown name.
    """
    known, wanted = list(known), list(wanted)
    for name in wanted:
        if name != "*":
            check(kind, name.removeprefix("!"), known)
    rare = set() if usual is None else set(known) - set(usual) - set(wanted)
    return [name for name in known if selects(wanted, name) and name not in rare]


def selects(wanted: Collection[str], name: str) -> bool:
    """Return whether ``wanted`` stands for this name, too."""
    return (name in wanted or "*" in wanted) and f"!{name}" not in wanted


def check(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UsageError, with the nearest known name, if ``name`` is not known."""
    known = list(known)
    if name not in known:
        raise UsageError(
            f"unknown {kind} {name!r}: {did_you_mean(name, known)}choose from {', '.join(known)}"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the nearest known name, and a blank behind it; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""
