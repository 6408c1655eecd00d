"""The digest of its body that a client announces: Repr-Digest or Content-Digest (RFC 9530).

Some servers hand on a chunked body that the client has cut as if it were whole, and no app can know. A digest
shows it, and shows every byte that was changed on the way. Needs no other package.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

FIELDS = ("Repr-Digest", "Content-Digest")
"""An upload sends all of a file, in the coding that is stored: both are then digests of the same bytes."""
ALGORITHMS: dict[str, Callable[[], Any]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""The active ones (RFC 9530, 5). Digests by any other are ignored."""
EXAMPLE = "Repr-Digest: sha-256=:BASE64:"
_KEY = r"[a-z*][a-z0-9_.*-]*"
_VALUE = r':[A-Za-z0-9+/=]*:|"(?:[^"\\]|\\["\\])*"|[A-Za-z0-9?@*.+/_-]+'
MEMBER = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*={{0,2}}):(?: *; *{_KEY}(?:=(?:{_VALUE}))?)*+")
"""A key, bytes in base64, and parameters without a meaning here (RFC 9651, 3.2)."""
COMMA = re.compile(r"[ \t]*,[ \t]*(?=[a-z*])")


class DigestRefused(Exception):
    """An upload that is not stored because of its digest; the text is the reason."""


class Announced(NamedTuple):
    """One digest of a header."""

    field: str
    algorithm: str
    digest: bytes


class BodyDigest:
    """The digests that a client has announced, and those of what has arrived. False without any."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Read the headers; raise DigestRefused for a malformed one."""
        self._announced = [known for field in FIELDS for known in read_digests(field, headers.get(field, ""))]
        self._hashes = {known.algorithm: ALGORITHMS[known.algorithm]() for known in self._announced}

    def __bool__(self) -> bool:
        return bool(self._announced)

    def update(self, block: bytes | memoryview) -> None:
        """Take the next bytes of the body."""
        for known in self._hashes.values():
            known.update(block)

    def check(self) -> None:
        """Raise DigestRefused unless the bytes so far are those that were announced."""
        for field, algorithm, digest in self._announced:
            if self._hashes[algorithm].digest() != digest:
                raise DigestRefused(f"the body that arrived has another {algorithm} than its {field} says")


def read_digests(field: str, text: str) -> list[Announced]:
    """Return the digests of a header by known algorithms; raise DigestRefused for what is no such header.

    Of an algorithm that comes twice, the last digest counts (RFC 9651, 3.2).
    """
    found: dict[str, Announced] = {}
    at, end = 0, len(text := text.strip(" \t"))
    while at < end:
        member = MEMBER.match(text, at)
        comma = member and COMMA.match(text, member.end())
        if not member or (member.end() < end and not comma):
            raise DigestRefused(f"{field} cannot be read from {text[at : at + 40]!r} on: send {EXAMPLE}")
        at = comma.end() if comma else end
        if member[1] in ALGORITHMS:
            found[member[1]] = Announced(field, member[1], _decoded(field, member[1], member[2]))
    return list(found.values())


def _decoded(field: str, algorithm: str, text: str) -> bytes:
    size_bytes = ALGORITHMS[algorithm]().digest_size
    try:
        # Padding may be left out (RFC 9651, 4.2.7).
        digest = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error:
        digest = b""
    if len(digest) != size_bytes:
        raise DigestRefused(
            f"{field}: {text[:100]!r} is not the {size_bytes} bytes of a {algorithm} in base64"
        )
    return digest
