"""Files to upload: the same bytes for the same size everywhere, which no compression shrinks."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import xxhash

from uploadlab.errors import LabError
from uploadlab.units import MIB


class Payload(NamedTuple):
    """A file to upload and the digest it must arrive with."""

    path: str
    size_bytes: int
    digest: str
    """xxh3_128, in hex."""


NO_FILES = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
    stat.S_ISDIR: "a folder",
}


def blocks(size_bytes: int) -> Iterator[memoryview]:
    """Yield the bytes of a payload; each block is overwritten when the next one comes."""
    # One block of noise, made unlike every other by its offset: as fast as the disk, and a
    # block that is lost, doubled or moved changes the digest.
    block = bytearray(hashlib.shake_128(b"upload-lab").digest(MIB))
    for offset in range(0, size_bytes, MIB):
        block[:8] = offset.to_bytes(8, "little")
        yield memoryview(block)[: size_bytes - offset]


def write_payload(path: Path, size_bytes: int) -> Payload:
    """Write a payload of ``size_bytes``; raises OSError, and then leaves no file."""
    digest = xxhash.xxh3_128()
    try:
        with open(path, "wb") as file:
            for block in blocks(size_bytes):
                digest.update(block)
                file.write(block)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return Payload(str(path), size_bytes, digest.hexdigest())


def describe(path: Path) -> Payload:
    """Return a user's own file as a payload, with the size of what was read.

    Raise OSError, and LabError for what cannot be read again when it is sent.
    """
    mode = path.stat().st_mode
    kind = next((kind for is_kind, kind in NO_FILES.items() if is_kind(mode)), "")
    if kind:
        raise LabError(f"{path} is {kind}, and is sent only after it was read: save its content to a file")
    digest, size_bytes = xxhash.xxh3_128(), 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(MIB):
            digest.update(block)
            size_bytes += len(block)
    return Payload(str(path), size_bytes, digest.hexdigest())
