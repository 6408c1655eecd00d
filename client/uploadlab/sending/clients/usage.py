"""Time, CPU and memory of a program while it sends, with the processes that it runs."""

import os
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Processes = Callable[[], Iterable[int]]
"""Returns the ids of the processes that send for a program, where it does not send itself."""


class Meter:
    """Measures from ``begin`` to ``stop``; what was never begun has no figures."""

    def __init__(self, processes: Processes | None = None) -> None:
        self._processes = processes
        self._begun: tuple[float, float, bool] | None = None
        self._stopped: tuple[float, float] | None = None

    def begin(self) -> None:
        """Start the clock, as the last of all."""
        known = [reset_peak(pid) for pid in self._pids()]
        self._begun = time.monotonic(), self._cpu_seconds(), all(known)

    def stop(self) -> None:
        """Stop the clock, first of all."""
        now = time.monotonic()
        self._stopped = now, self._cpu_seconds()

    def end(self) -> dict[str, Any]:
        """Return the figures by the names of the lab's outcomes."""
        if self._begun is None:
            return {}
        start, cpu, known = self._begun
        end, cpu_at_end = self._stopped or (time.monotonic(), self._cpu_seconds())
        figures: dict[str, Any] = {
            "begun": start,
            "seconds": end - start,
            "client_cpu_seconds": cpu_at_end - cpu,
        }
        if known:
            figures["client_peak_rss_bytes"] = sum(map(peak_rss_bytes, self._pids())) or None
        return figures

    def _pids(self) -> list[int]:
        return list(self._processes()) if self._processes else [os.getpid()]

    def _cpu_seconds(self) -> float:
        """Return the CPU seconds of this process, of those that send for it, and of those that have ended."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        others = self._processes() if self._processes else ()
        return time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(cpu_seconds, others))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, all of its threads included; 0 for one that is gone."""
    # clock_getcpuclockid(3), which Python has for threads alone: the process's id, inverted, above the kind.
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def reset_peak(pid: int) -> bool:
    """Count a process's peak memory from now on; return False where this system cannot."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5)
    except OSError:
        return False
    return True


def peak_rss_bytes(pid: int) -> int:
    """Return the peak of a process since ``reset_peak``; 0 for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(found[0]) if found else 0
