"""What the processes of a server have used, seen from outside, by Linux's /proc.

A server of the lab's own app says the same of itself (services/app/upload_app/usage.py). An app of the user's
own does not, so the lab looks at the processes that it has started.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from uploadlab.private_urls import ServerProcesses

PROC = Path("/proc")
RESET_PEAK = "5"
"""Written to /proc/PID/clear_refs, it makes the peak of memory begin again (proc(5))."""


class Process(msgspec.Struct, frozen=True):
    """A process of a deployment. What could not be read is None."""

    pid: int
    started: int
    """Clock ticks since boot: with the pid, which process it is."""
    cpu_seconds: float
    system_seconds: float
    """CPU seconds in the kernel; in steps of 10 ms."""
    peak_rss_bytes: int | None
    written_bytes: int | None
    """To disk, as far as Linux counts it: not to tmpfs."""


def read_processes(started: ServerProcesses, reset: bool = False) -> list[Process]:
    """Return every process of a server, with what it has used since it began.

    With ``reset``, count peaks of memory from now on; a peak that cannot be reset becomes None.
    """
    found = [_process(pid) for pid in _pids(started)]
    processes = [process for process in found if process]
    for number, process in enumerate(processes if reset else []):
        try:
            (PROC / str(process.pid) / "clear_refs").write_text(RESET_PEAK)
        except OSError:
            processes[number] = msgspec.structs.replace(process, peak_rss_bytes=None)
    return processes


def _pids(started: ServerProcesses) -> Iterator[int]:
    """Yield the ids of all processes of the server's sessions."""
    sessions = set(started.sessions)
    for path in Path(started.run_dir).glob("*.pid"):
        with suppress(OSError, ValueError):  # not written yet, or its process has ended
            sessions.add(os.getsid(int(path.read_text())))
    for entry in os.scandir(PROC):
        with suppress(OSError):  # it has ended meanwhile
            if entry.name.isdigit() and os.getsid(int(entry.name)) in sessions:
                yield int(entry.name)


def _process(pid: int) -> Process | None:
    """Return what a process has used; None if it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        # The process's clock of CPU time, as clock_getcpuclockid(3) makes its number: in nanoseconds, where
        # /proc/PID/stat has ticks of 10 ms.
        cpu_seconds = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None
    system_seconds = int(fields[12]) / os.sysconf("SC_CLK_TCK")
    peak, written = _value(pid, "status", "VmHWM:", 1024), _value(pid, "io", "write_bytes:", 1)
    return Process(pid, int(fields[19]), cpu_seconds, system_seconds, peak, written)


def _value(pid: int, file: str, name: str, unit: int) -> int | None:
    """Return a line's number in a file of /proc/PID; None where it may not be read."""
    try:
        lines = (PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * unit for line in lines if line.startswith(name)), None)
