"""What the processes of this deployment have used: CPU, memory, bytes written to disk; and what is stored.

All from Linux's /proc, without privileges: the processes of one deployment have one user id.
What cannot be read is None, never a guess.
"""

import os
import time
from pathlib import Path
from typing import Any

from upload_app.storage import Store

PROC = Path("/proc")


def report(run_dir: Path, store: Store, reset: bool = False) -> dict[str, Any]:
    """The answer to ``/usage``; with ``reset``, peaks of memory are counted from now."""
    found = processes(run_dir)
    if reset:
        reset_peaks(found)
    return {"processes": found, "stored": store.count()}


def processes(run_dir: Path) -> list[dict[str, Any]]:
    """Every process of the deployment, with what it has used since it began.

    They are in the session of this process, or in that of one whose number is in ``RUN_DIR/*.pid``:
    a part that was started apart, such as nginx.
    """
    sessions = {os.getsid(0)} | {_session(_number(path)) for path in run_dir.glob("*.pid")} - {None}
    numbers = [int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit()]
    found = [_process(number) for number in numbers if _session(number) in sessions]
    return [one for one in found if one]


def reset_peaks(used: list[dict[str, Any]]) -> None:
    """Have each process's peak memory counted from now; where that is not allowed, it becomes None."""
    for one in used:
        try:
            (PROC / str(one["pid"]) / "clear_refs").write_text("5")  # proc(5)
        except OSError:
            one["peak_rss_bytes"] = None


def _process(pid: int) -> dict[str, Any] | None:
    """One process; None if it has ended meanwhile."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        cpu_seconds = time.clock_gettime(_cpu_clock(pid))
    except OSError:
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "pid": pid,
        "started": int(fields[19]),
        "cpu_seconds": cpu_seconds,
        "system_seconds": int(fields[12]) / ticks,
        "peak_rss_bytes": _value(pid, "status", "VmHWM:", 1024),
        "written_bytes": _value(pid, "io", "write_bytes:", 1),
    }


def _cpu_clock(pid: int) -> int:
    """The clock of a process's CPU time, in nanoseconds where /proc/PID/stat has ticks of 10 ms.

    As clock_getcpuclockid(3) makes it; Python has no name for that function.
    """
    return (~pid << 3) | 2


def _value(pid: int, file: str, name: str, unit: int) -> int | None:
    """A line's number in a file of /proc/PID; None where it may not be read."""
    try:
        lines = (PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * unit for line in lines if line.startswith(name)), None)


def _session(pid: int | None) -> int | None:
    try:
        return os.getsid(pid) if pid else None
    except OSError:
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
