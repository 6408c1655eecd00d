"""Messages between the lab and a process of its own: a JSON line each way."""

import os
import select
import subprocess
import threading
import time
from types import UnionType
from typing import IO, Any, TypeVar, cast

import msgspec

from uploadlab.errors import LabError

BLOCK_BYTES = 1 << 16


_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_ALONE = threading.Lock()

Message = TypeVar("Message")


class UnreadableAnswer(LabError):
    """A line of the other process that is not a message of the expected kind."""


class Lines:
    """The standard input and output of a process. Answers that come at once are returned one by one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._received = b""

    def write(self, message: object) -> None:
        """Send a message; raise OSError if the process does not listen."""
        write_line(cast(IO[bytes], self.process.stdin), message)

    def read(self, kind: type[Message] | UnionType, seconds: float) -> Message | None:
        """Return the next answer; return None if none comes in this time, or the process has ended.

        Raise UnreadableAnswer.
        """
        stdout = cast(IO[bytes], self.process.stdout)
        end = time.monotonic() + seconds
        while b"\n" not in self._received:
            if not select.select([stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            block = os.read(stdout.fileno(), BLOCK_BYTES)
            if not block:
                self.process.wait()
                return None
            self._received += block
        line, _, self._received = self._received.partition(b"\n")
        try:
            message: Message = _decoder(kind).decode(line)
        except ValueError as error:
            raise UnreadableAnswer(f"{line[:60]!r} is no answer of the process: {error}") from None
        return message


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a kind, made by one thread alone.

    msgspec 0.22.0 crashes where several threads are the first to decode a kind.
    """
    with _ALONE:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind)
        return _DECODERS[kind]


def write_line(stream: IO[bytes], message: object) -> None:
    """Write a message to a pipe; raise OSError if nobody reads."""
    stream.write(msgspec.json.encode(message) + b"\n")
    stream.flush()
