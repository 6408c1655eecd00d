"""A file as it was sent, with the digests that a server may name of its copy."""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import xxhash

from uploadlab.catalogue.payloads import Payload, blocks
from uploadlab.units import MIB

OWN_DIGEST = "xxh3_128"
DIGESTS: dict[str, Callable[[], Any]] = {
    OWN_DIGEST: xxhash.xxh3_128,
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}


class SentFile(NamedTuple):
    """A file as it was sent."""

    size_bytes: int
    digest: Callable[[str], str]
    """Its digest of a kind, in hex."""


def digest_of(content: Iterable[bytes | memoryview], kind: str = OWN_DIGEST) -> str:
    """Return the digest of a kind of some blocks, in hex."""
    digest = DIGESTS[kind]()
    for block in content:
        digest.update(block)
    return str(digest.hexdigest())


def file_digest(path: str, kind: str = OWN_DIGEST) -> str:
    """Return a file's digest of a kind, in hex; raise OSError."""
    with open(path, "rb", buffering=0) as file:
        return digest_of(iter(lambda: file.read(MIB), b""), kind)


_kept_digest = cache(file_digest)
"""Of files to send, which do not change: a large one is read once for each kind."""


def sent_payload(payload: Payload) -> SentFile:
    """Return a payload as it was sent."""

    def digest(kind: str) -> str:
        return payload.digest if kind == OWN_DIGEST else _kept_digest(payload.path, kind)

    return SentFile(payload.size_bytes, digest)


def sent_noise(size_bytes: int) -> SentFile:
    """Return the payload of that size as it was sent, by whichever process."""
    return SentFile(size_bytes, cache(lambda kind: digest_of(blocks(size_bytes), kind)))
