"""The CPU, memory and disk that the processes of this deployment use, and its stored files. Needs no Flask.

All from Linux's /proc, without privileges: the processes of one deployment have one user id.
A value that cannot be read is None, never a guess.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from upload_app.storage import Store

PROC = Path("/proc")


def report_usage(run_dir: Path, store: Store, reset: bool = False) -> dict[str, Any]:
    """Return the answer to ``/usage``; with ``reset``, count peaks of memory from now on.

    A peak that cannot be reset becomes None.
    """
    processes = find_processes(run_dir)
    for process in processes if reset else []:
        try:
            (PROC / str(process["pid"]) / "clear_refs").write_text("5")  # proc(5)
        except OSError:
            process["peak_rss_bytes"] = None
    return {"processes": processes, "stored": store.count()}


def find_processes(run_dir: Path) -> list[dict[str, Any]]:
    """Return every process of the deployment, with what it has used since it began.

    They are in the session of this process, or in that of a process whose id is in ``RUN_DIR/*.pid``:
    a part that was started separately, such as nginx.
    """
    sessions = {os.getsid(0)}
    for path in run_dir.glob("*.pid"):
        with suppress(OSError, ValueError):  # not written yet, or its process has ended
            sessions.add(os.getsid(int(path.read_text())))
    pids = [int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit()]
    found = [_process(pid, sessions) for pid in pids]
    return [process for process in found if process]


def _process(pid: int, sessions: set[int]) -> dict[str, Any] | None:
    """Return what a process has used; None if it has ended, or is in none of the sessions."""
    try:
        if os.getsid(pid) not in sessions:
            return None
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        # The process's clock of CPU time, as clock_getcpuclockid(3) makes its number; Python has no name for
        # that function. It counts nanoseconds, where /proc/PID/stat has ticks of 10 ms.
        cpu_seconds = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None
    return {
        "pid": pid,
        "started": int(fields[19]),
        "cpu_seconds": cpu_seconds,
        "system_seconds": int(fields[12]) / os.sysconf("SC_CLK_TCK"),
        "peak_rss_bytes": _value(pid, "status", "VmHWM:", 1024),
        "written_bytes": _value(pid, "io", "write_bytes:", 1),
    }


def _value(pid: int, file: str, name: str, unit: int) -> int | None:
    """Return a line's number in a file of /proc/PID; None where it may not be read."""
    try:
        lines = (PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * unit for line in lines if line.startswith(name)), None)
