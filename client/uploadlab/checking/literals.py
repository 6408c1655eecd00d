"""Bytes as short Python expressions, for scripts that people read."""

import base64
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby

from uploadlab.catalogue.attempts import Content
from uploadlab.catalogue.payloads import blocks
from uploadlab.units import MIB

MOST_LETTERS = 1500
"""A longer expression is replaced by compressed bytes."""
RUN_BYTES = 1000
RUN = re.compile(rb"(.{1,64}?)\1{15,}", re.DOTALL)
"""A few bytes that repeat: written once, with their number."""
NOISE = """\
noise = hashlib.shake_128(b"upload-lab").digest(1 << 20)
{name} = b"".join(at.to_bytes(8, "little") + noise[8:] for at in range(0, {size}, 1 << 20))[:{size}]
"""
"""The file that the lab sends, whose blocks differ by their first bytes."""


def literal(data: bytes) -> str:
    """Return a Python expression for these bytes."""
    if len(data) > RUN_BYTES and data == data[:1] * len(data):  # which the expression would find slowly
        return f"{data[:1]!r} * {len(data)}"
    pieces, end = [], 0
    for found in RUN.finditer(data):
        if found.start() > end:
            pieces.append(repr(data[end : found.start()]))
        pieces.append(f"{found[1]!r} * {len(found[0]) // len(found[1])}")
        end = found.end()
    if end < len(data) or not pieces:
        pieces.append(repr(data[end:]))
    text = " + ".join(pieces)
    if len(text) <= MOST_LETTERS:
        return text
    return f"zlib.decompress(base64.b85decode({base64.b85encode(zlib.compress(data, 9)).decode()!r}))"


def file_lines(name: str, file: Content) -> list[str]:
    """Return the lines of Python that make a file, and what is sent in its place if that is coded."""
    if _is_noise(file):
        lines = NOISE.format(name=name, size=file.size_bytes).splitlines()
    else:
        equal = [(block, len(list(same))) for block, same in groupby(map(bytes, file.blocks()))]
        texts = [f"({literal(block)}) * {count}" if count > 1 else literal(block) for block, count in equal]
        lines = [f"{name} = {' + '.join(texts) or repr(b'')}"]
    if file.encoded is not None:
        lines.append(f"{name}_coded = {_coded(name, file)}")
    return lines


def _is_noise(file: Content) -> bool:
    first, noise = next(file.blocks(), b""), next(blocks(file.size_bytes), b"")
    return len(first) > len(b"\0" * 8) and bytes(first) == bytes(noise)


def _coded(name: str, file: Content) -> str:
    """Return how the bytes that are sent come from the file; else these bytes."""
    coded, plain = file.encoded or b"", b"".join(map(bytes, file.blocks()))
    known: dict[str, Callable[[bytes], bytes]] = {
        "gzip.compress": gzip.decompress,
        "zlib.compress": zlib.decompress,
    }
    for text, undo in known.items():
        try:
            if undo(coded) == plain:
                return f"{text}({name})"
        except (OSError, EOFError, zlib.error):
            continue
    return literal(coded)


class FileSlice:
    """A slice of a named file of the script, which ``wire.cut`` cuts as it cuts bytes."""

    def __init__(self, name: str, start: int, stop: int, whole: int) -> None:
        self.name, self.start, self.stop, self.whole = name, start, stop, whole

    def __str__(self) -> str:
        return self.name if len(self) == self.whole else f"{self.name}[{self.start}:{self.stop}]"

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, within: slice) -> "FileSlice":
        start, stop, _ = within.indices(len(self))
        return FileSlice(self.name, self.start + start, self.start + stop, self.whole)

    def precedes(self, other: object) -> bool:
        """Return whether the other is as long, and follows at once."""
        return isinstance(other, FileSlice) and (other.name, other.start, len(other)) == (
            self.name, self.stop, len(self),
        )  # fmt: skip


def file_parts(name: str, file: Content) -> Iterator[FileSlice]:
    """Yield the file's bytes as slices, in the blocks that the lab sends."""
    size_bytes = file.wire_bytes
    name = name if file.encoded is None else f"{name}_coded"
    step = MIB if _is_noise(file) else max(size_bytes, 1)  # other files come as a whole
    for at in range(0, size_bytes, step):
        yield FileSlice(name, at, min(at + step, size_bytes), size_bytes)
