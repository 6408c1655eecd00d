"""Requirements as pip has them: their names, and the pins of lock files."""

import re
from collections.abc import Sequence
from pathlib import Path

NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|\[|[<>=!~;@ (])")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(word: str) -> str:
    """Return the name in a requirement, ``werkzeug`` of ``werkzeug==3.0.1``; empty for a path."""
    if "/" in word.partition("@")[0] or word.endswith(".whl"):
        return ""
    found = NAME.match(word)
    return found[1] if found else ""


def pins(locks: Sequence[Path]) -> dict[str, str]:
    """Return the versions that lock files pin, by the packages' canonical names."""
    return {canonical(name): pin for lock in locks for name, pin in PIN.findall(lock.read_text())}
