"""Why pip did not do what it was asked for, in one line with what to type next."""

import platform
import re
import sys
from collections.abc import Sequence

NEWEST = 3
"""As many versions are named where one does not exist."""
CONFLICT = "ResolutionImpossible"
REQUESTED = re.compile(r"^\s*The user requested (?!\(constraint\))(.+)$", re.MULTILINE)
CONSTRAINED = re.compile(r"^\s*The user requested \(constraint\) ([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
NEEDED = re.compile(r"^\s*(\S+ \S+) depends on (.+)$", re.MULTILINE)
ABSENT = re.compile(r"satisfies the requirement (.+?) \(from versions: (.*?)\)")
IGNORED = re.compile(r"(\S+) Requires-Python (.+?)(?=;\s|\n|$)")
ABROAD = re.compile(r"(\S+\.whl) is not a supported wheel")
OTHER_PYTHON = re.compile(r"Package '(.+?)' requires a different Python: \S+ not in '(.+?)'")
FINAL = re.compile(r"[0-9.]+(\.post[0-9]+)?")
"""A version that is no pre-release."""


def reason_of_pip(said: str, words: Sequence[str]) -> str:
    """Return why pip failed, from all that it printed; ``words`` is what the user asked for."""
    asked = ",".join(words)
    for explain in (_of_conflict, _of_version, _of_wheel, _of_python, _of_build):
        if why := explain(said, asked):
            return why
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line]
    return f"{asked}: {(errors or lines[-1:] or ['pip printed nothing'])[0][:300]}"


def is_conflict(said: str) -> bool:
    """Return whether pip found versions, but none that go together."""
    return CONFLICT in said


def constrained(said: str) -> set[str]:
    """Return the packages whose pinned versions pip names as a part of a conflict."""
    return {name for name, _ in CONSTRAINED.findall(said)}


def _of_conflict(said: str, asked: str) -> str:
    if not is_conflict(said):
        return ""
    needs = [f"{who} needs {what}" for who, what in dict.fromkeys(NEEDED.findall(said))]
    locked = [f"the lock files have {name} {pin}" for name, pin in CONSTRAINED.findall(said)]
    why = ", ".join([*needs[:2], *locked[:1]]) or "no versions of them go together"
    return f"{asked} cannot be installed together: {why}; change one of them, or leave it out"


def _of_version(said: str, asked: str) -> str:
    """Return why there is no such version: another Python, none at all, or no answer."""
    found = ABSENT.search(said)
    if not found:
        return ""
    wanted, text = found.groups()
    wanted = wanted.partition(" (from")[0]
    versions = [version for version in text.split(", ") if FINAL.fullmatch(version)]
    newest = ", ".join(reversed(versions[-NEWEST:]))
    if "connection broken by" in said or "Retrying (" in said:
        return f"{wanted}: the index of packages does not answer; check the network, or set PIP_INDEX_URL"
    if not versions:
        return f"{wanted}: pip finds no version of it; check PIP_INDEX_URL, PIP_NO_INDEX and PIP_FIND_LINKS"
    pin = wanted.partition("==")[2]
    if python := dict(IGNORED.findall(said)).get(pin):
        return f"{wanted} needs Python {python}, and this is {_python()}; the newest that fit are {newest}"
    return f"{wanted}: there is no such version; the newest are {newest}"


def _of_wheel(said: str, asked: str) -> str:
    if not (found := ABROAD.search(said)):
        return ""
    here = f"Python {_python()} on {sys.platform} {platform.machine()}"
    return f"{found[1]} is a wheel for another platform, and this is {here}; build one here: pip wheel FOLDER"


def _of_python(said: str, asked: str) -> str:
    if not (found := OTHER_PYTHON.search(said)):
        return ""
    return f"{found[1]} needs Python {found[2]}, and this is {_python()}; choose another version of it"


def _of_build(said: str, asked: str) -> str:
    """Return the last words of a build that failed."""
    if "subprocess-exited-with-error" not in said and "Failed building wheel" not in said:
        return ""
    lines = [line.strip(" │╰─>") for line in said.partition("[end of output]")[0].splitlines()]
    words = [line for line in lines if line]
    last = words[-1][:200] if words else "it printed nothing"
    return f"{asked} does not build here: {last}; try it alone: pip wheel {asked.rpartition('file://')[2]}"


def _python() -> str:
    return platform.python_version()
