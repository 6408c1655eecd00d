"""The only module that starts processes, but for curl. Each gets a group of its own, and all groups end."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from uploadlab.errors import LabError
from uploadlab.paths import missing_folders
from uploadlab.processes import announced, reaper

GRACE_SECONDS = 5.0


POLL_SECONDS = 0.01


REAPER = [sys.executable, reaper.__file__]
ANNOUNCED = [sys.executable, "-I", "-S", announced.__file__]
"""Without the user's settings and packages: it starts in a hundredth of a second."""


ENDED = ("Z", "X")
"""States in /proc/PID/stat (proc(5)): a zombie, and dead."""


def is_running(group: int) -> bool:
    """Return whether any process of a group runs; a zombie does not.

    Where there is no /proc to tell them apart, no process counts as running.
    """
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, its_group, *_ = (process / "stat").read_text().rpartition(")")[2].split()
            if int(its_group) == group and state not in ENDED:
                return True
    return False


class Processes:
    """Processes and scratch folders that last no longer than this object.

    The reaper, a process of its own, outlives the lab for a moment: however the lab ends, the
    reaper clears up.
    """

    def __init__(self) -> None:
        self._stop_signals: dict[subprocess.Popen[bytes], signal.Signals] = {}
        self._lines: list[str] = []
        self._reaper = subprocess.Popen(REAPER, stdin=subprocess.PIPE, start_new_session=True)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(list(self._stop_signals))
        with suppress(BrokenPipeError):
            cast(IO[bytes], self._reaper.stdin).close()
        if self._reaper.wait() != 0:  # somebody killed it; then another does the same
            subprocess.run(REAPER, input="".join(self._lines).encode(), check=False)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        stop_signal: str = "SIGTERM",
        **pipes: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a command in ``folder`` as a group of its own; raise OSError.

        The process itself names its group to the reaper, before it becomes the command.
        """
        _require_program(command[0], environment, folder)
        told = cast(IO[bytes], self._reaper.stdin).fileno()
        process = subprocess.Popen(
            [*ANNOUNCED, str(told), *command],
            env=environment,
            cwd=folder,
            start_new_session=True,
            bufsize=0,
            pass_fds=[told],
            **pipes,
        )
        self._stop_signals[process] = signal.Signals[stop_signal]
        self._lines.append(f"group {process.pid}\n")
        return process

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        seconds: float | None = None,
    ) -> tuple[int, str]:
        """Run a command to its end. Return its status and output; raise OSError, TimeoutExpired."""
        process = self.start(
            command,
            environment,
            folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = process.communicate(timeout=seconds)
        finally:
            self.kill(process)
        return process.returncode, said.decode(errors="replace")

    def stop(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """Stop these together: politely, then for good with all that they have started."""
        for process in processes:
            with suppress(ProcessLookupError):
                process.send_signal(self._stop_signals[process])
        end = time.monotonic() + GRACE_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            self.kill(process)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and its whole group now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        end = time.monotonic() + GRACE_SECONDS
        while is_running(process.pid) and time.monotonic() < end:  # a worker may hold its port for longer
            time.sleep(POLL_SECONDS)
        self._stop_signals.pop(process, None)
        self._tell(f"ended {process.pid}")

    def scratch(self, parent: Path, name: str, hint: str) -> Path:
        """Make a folder in ``parent``; raise LabError with the hint.

        Both are removed at the end, ``parent`` only if it is made here and then empty.
        """
        try:
            try:
                folder = self._made_in(parent, name)
            except FileNotFoundError:  # another command, which had made the parent, has just removed it
                folder = self._made_in(parent, name)
        except OSError as error:
            raise LabError(f"cannot write to {parent}: {error.strerror}; {hint}") from None
        self._tell(f"folder {folder}")
        return folder

    def _made_in(self, parent: Path, name: str) -> Path:
        """Make a folder of a new name, and those around it that are missing; raise OSError."""
        for path in reversed(missing_folders(parent)):
            with suppress(FileExistsError):  # another command has made it meanwhile, and removes it
                path.mkdir()
                self._tell(f"made {path}")
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))

    def last(self, command: list[str]) -> None:
        """Run a command at the very end, after all processes."""
        self._tell(f"last {json.dumps(command)}")

    def _tell(self, line: str) -> None:
        """Write a line to the reaper, and keep it for another reaper."""
        self._lines.append(f"{line}\n")
        with suppress(BrokenPipeError):  # somebody killed it
            cast(IO[bytes], self._reaper.stdin).write(self._lines[-1].encode())
            cast(IO[bytes], self._reaper.stdin).flush()


def _require_program(name: str, environment: Mapping[str, str], folder: Path) -> None:
    """Raise OSError, as the system would, unless a program of that name can be started."""
    place = str(folder / name) if "/" in name else name
    if not shutil.which(place, path=environment.get("PATH", os.defpath)):
        number = errno.EACCES if os.path.exists(place) and "/" in name else errno.ENOENT  # noqa: PTH110
        raise OSError(number, os.strerror(number), name)
