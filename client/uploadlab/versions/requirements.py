"""Requirements as pip has them: their names, the pins of lock files, and several in one word."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|\[|[<>=!~;@ (])")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
DIRECT = re.compile(r"\s@\s|@\s*[a-z+]+:")
"""What a requirement with an address has behind its name: ``granian @ file:///tmp/x.whl``."""
EXACT = re.compile(r"[A-Za-z0-9._-]+\s*==\s*([^\s*,=]+)")
WHEEL = re.compile(r"/[^/]+?-([^/-]+)-[^/]*\.whl$")
OPERATORS = ("<", ">", "=", "!", "~")


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(word: str) -> str:
    """Return the name in a requirement, ``werkzeug`` of ``werkzeug==3.0.1``; empty for a path."""
    before = word.partition("@")[0].partition(";")[0]
    found = None if "/" in before or before.endswith(".whl") else NAME.match(word)
    return found[1] if found else ""


def pinned(word: str) -> str:
    """Return the version that a requirement pins, also that of a wheel; empty if it pins none."""
    if found := WHEEL.search(word):
        return found[1]
    found = EXACT.fullmatch(word.partition(";")[0].strip())
    return found[1] if found else ""


def pins(locks: Sequence[Path]) -> dict[str, str]:
    """Return the versions that lock files pin, by the packages' canonical names."""
    return {name: pin for lock in locks for name, pin in _pins_of(lock, lock.stat().st_mtime_ns).items()}


@cache
def _pins_of(lock: Path, changed_ns: int) -> dict[str, str]:
    """Return the versions that a lock file pins, which last changed then."""
    return {canonical(name): pin for name, pin in PIN.findall(lock.read_text())}


def separated(text: str) -> list[str]:
    """Return the requirements of a text that has commas between them.

    A comma also stands within one: ``gunicorn>=23,<24``, ``httpx[http2,brotli]``, and in quotes of a marker.
    """
    words: list[str] = []
    for piece in _pieces(text):
        if words and piece.startswith(OPERATORS):
            words[-1] += f",{piece}"
        elif piece:
            words.append(piece)
    return words


def _pieces(text: str) -> Iterator[str]:
    """Yield what stands between the commas outside of brackets and quotes."""
    start, depth, quote = 0, 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[(":
            depth += 1
        elif letter in "])":
            depth -= 1
        elif letter == "," and depth <= 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()
