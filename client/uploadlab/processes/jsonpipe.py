"""Talking with a process of the lab's own: a JSON line each way."""

import os
import select
import subprocess
import time
from typing import IO, TypeVar, cast

import msgspec

BLOCK_BYTES = 1 << 16


Answer = TypeVar("Answer")


class Lines:
    """Its standard input and output. Several answers may come at once, and are handed out one by one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._received = bytearray()

    def write(self, message: object) -> None:
        """Send it; raises OSError if nobody listens."""
        stdin = cast(IO[bytes], self.process.stdin)
        stdin.write(msgspec.json.encode(message) + b"\n")
        stdin.flush()

    def line(self, seconds: float) -> bytes:
        """The next line; empty if there is none in this time, or the process has ended."""
        stdout = cast(IO[bytes], self.process.stdout)
        end = time.monotonic() + seconds
        while b"\n" not in self._received:
            if not select.select([stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                return b""
            block = os.read(stdout.fileno(), BLOCK_BYTES)
            if not block:
                self.process.wait()
                return b""
            self._received += block
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return line

    def read(self, kind: type[Answer], seconds: float) -> Answer | None:
        """The next answer; None as above."""
        line = self.line(seconds)
        return msgspec.json.decode(line, type=kind) if line else None
