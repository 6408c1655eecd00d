"""The lab's side of links: opens lines and closes them."""

import itertools
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import NamedTuple

from uploadlab.errors import LabError, problem_of
from uploadlab.model.links import Link
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.processes.jsonpipe import Lines
from uploadlab.runtimes.link.connections import HOST
from uploadlab.runtimes.link.process import CloseLine, LineFailed, LineOpened, OpenLine

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""For a program that may still have to start, on a busy host."""


class Line(NamedTuple):
    """Where a line begins: connections to this address lead to the target."""

    number: int
    host: str
    port: int


class Links:
    """Opens and closes lines, for any thread. Their program starts with the first line."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._pipe: Lines | None = None

    def open(self, link: Link, host: str, port: int, seed: str) -> Line:
        """Open a line to a target, its cuts and stalls placed by the seed; raise LabError."""
        address = _reached(link.name, host, port)
        with self._lock:
            number = next(self._numbers)
            answer = self._ask(OpenLine(number, link, address, port, seed))
        if isinstance(answer, LineFailed):
            raise LabError(
                f"link {link.name} cannot listen: {answer.why}; close other programs, or use fewer users"
            )
        if answer is None:
            raise LabError(
                f"the program of link {link.name} has ended or does not answer; run the command again"
            )
        return Line(number, HOST, answer.port)

    def close(self, line: Line) -> None:
        """Close a line; its connections end with a reset."""
        with self._lock, suppress(OSError):  # the program has ended, and with it the line
            if self._pipe:
                self._pipe.write(CloseLine(line.number))

    def _ask(self, order: OpenLine) -> LineOpened | LineFailed | None:
        """Return the program's answer; start the program if none runs."""
        if self._pipe is None or self._pipe.process.poll() is not None:
            self._pipe = Lines(
                self._processes.start(
                    [sys.executable, "-m", "uploadlab.runtimes.link.process"],
                    {**os.environ, "PYTHONPATH": str(ROOT / "client")},
                    ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        with suppress(OSError):  # it ends just now
            self._pipe.write(order)
            return self._pipe.read(LineOpened | LineFailed, ANSWER_SECONDS)
        return None


def _reached(link: str, host: str, port: int) -> str:
    """Return the address at which a target takes connections; raise LabError."""
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS) as end:
            address: str = end.getpeername()[0]
            return address
    except (OSError, UnicodeError) as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise LabError(
            f"link {link} cannot reach {where}: {problem_of(error)}; "
            "check that the server runs and listens there"
        ) from None
