"""The lab's commands, each a process as a user starts it, but for the half second in which its modules load.

A process that has loaded them becomes each command by a fork, and takes the environment of the command.
What Python itself reads from it at a start has been read by then: a command for which that differs starts
by itself, and so does one for another folder than the tests were started in.
"""

import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 1 << 20
"""Of a command's words and environment."""


class Forker:
    """Starts commands for the tests of this process, one at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._python, self._folder = _for_python(environment), Path.cwd()
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                env=environment, pass_fds=[theirs.fileno()],
            )  # fmt: skip

    def run(
        self, words: list[str], environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str] | None:
        """Run a command to its end; return None if it has to start by itself. Raise TimeoutExpired."""
        if _for_python(environment) != self._python or Path.cwd() != self._folder:
            return None
        if not self._lock.acquire(blocking=False):
            return None
        try:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                command = json.dumps([words, dict(environment)])
                socket.send_fds(self._socket, [command.encode()], [out.fileno(), err.fileno()])
                pid = int(self._socket.recv(MOST_BYTES))
                self._socket.settimeout(seconds)
                try:
                    code = int(self._socket.recv(MOST_BYTES))
                except TimeoutError:
                    os.kill(pid, 9)
                    self._socket.recv(MOST_BYTES)
                    raise subprocess.TimeoutExpired(words, seconds) from None
                said = [_text(file.fileno()) for file in (out, err)]
        finally:
            self._socket.settimeout(None)
            self._lock.release()
        return subprocess.CompletedProcess(words, code, *said)


def _for_python(environment: Mapping[str, str]) -> dict[str, str]:
    """What Python reads from an environment as it starts."""
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG"))}


def _text(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, encoding="utf-8", closefd=False) as file:  # line ends as subprocess has them
        return file.read()


def serve(connection: socket.socket) -> None:
    """Become one command after the other, until the tests end."""
    from uploadlab.__main__ import main
    from uploadlab.commands.main import COMMANDS
    from uploadlab.declared.compose import load_services
    from uploadlab.paths import COMPOSE

    for name in COMMANDS:
        importlib.import_module(f"uploadlab.commands.{name}")
    load_services(COMPOSE)  # parsed once for all commands, while it says the same
    gc.freeze()  # or each command would look at all of them again, and copy their memory
    while True:
        words, fds, *_ = socket.recv_fds(connection, MOST_BYTES, 2)
        if not words:
            return
        if pid := os.fork():
            for fd in fds:
                os.close(fd)
            connection.send(str(pid).encode())
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
            continue
        connection.close()
        for number, fd in enumerate(fds, 1):
            os.dup2(fd, number)
            os.close(fd)
        sys.argv[1:], environment = json.loads(words)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # which TMPDIR names
        return main()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(socket.socket(fileno=int(sys.argv[1])))
