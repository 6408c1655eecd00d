"""Talking with a process of the lab's own: a JSON line each way."""

import io
import select
import subprocess
from typing import IO, TypeVar, cast

import msgspec

Answer = TypeVar("Answer")


class Lines:
    """Its standard input and output. One answer is awaited at a time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        # Read in blocks: an answer may be long. Between answers nothing is left in the buffer.
        self._answers = io.BufferedReader(cast(io.RawIOBase, process.stdout))

    def write(self, message: object) -> None:
        """Send it; raises OSError if nobody listens."""
        stdin = cast(IO[bytes], self.process.stdin)
        stdin.write(msgspec.json.encode(message) + b"\n")
        stdin.flush()

    def line(self, seconds: float) -> bytes:
        """The next line; empty if there is none in this time, or the process has ended."""
        if not select.select([self._answers], [], [], seconds)[0]:
            return b""
        line = self._answers.readline()
        if not line:
            self.process.wait()
        return line

    def read(self, kind: type[Answer], seconds: float) -> Answer | None:
        """The next answer; None as above."""
        line = self.line(seconds)
        return msgspec.json.decode(line, type=kind) if line else None
