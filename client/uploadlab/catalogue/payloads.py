"""Files to upload: the same bytes for the same size everywhere, which no compression shrinks."""

import hashlib
import stat
from collections.abc import Iterator
from functools import cache
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


READ_ONCE = "which can be read only once: save its content to a file"
NO_FILES = {
    stat.S_ISFIFO: f"a pipe, {READ_ONCE}",
    stat.S_ISSOCK: f"a socket, {READ_ONCE}",
    stat.S_ISCHR: "a device, which may never end: save its content to a file",
    stat.S_ISBLK: "a device: save its content to a file",
}
"""What cannot be sent as a file, and why; by the functions that recognise it."""


@cache
def _noise() -> bytes:
    """Return 1 MiB that no compression shrinks; making it takes longer than sending a small file."""
    return hashlib.shake_128(b"upload-lab").digest(MIB)


def blocks(size_bytes: int) -> Iterator[memoryview]:
    """Yield the bytes of a payload; each block is overwritten when the next one comes."""
    # One block of noise, made unlike every other by its offset: as fast as the disk, and a
    # block that is lost, doubled or moved changes the digest.
    block = bytearray(_noise())
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

    Raise OSError, and LabError for what is no file: the digest takes one reading, and sending another.
    """
    mode = path.stat().st_mode
    if problem := next((text for is_kind, text in NO_FILES.items() if is_kind(mode)), ""):
        raise LabError(f"{path} is {problem}")
    digest, size_bytes = xxhash.xxh3_128(), 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(MIB):
            digest.update(block)
            size_bytes += len(block)
    return Payload(str(path), size_bytes, digest.hexdigest())
