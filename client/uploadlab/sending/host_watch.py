"""Judges whether something outside of the lab disturbed a measurement: from the host alone, not the figure.

The lab itself fills a host's cores, so neither load nor waiting proves anything. CPU that others used does.
"""

import os
import time
from typing import Any

from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.model.host_use import HostUse, HostWarning
from uploadlab.sending.host_readings import HostFiles, HostReading
from uploadlab.sending.server_usage import Cost

CORES, SHARE = 0.25, 0.05
"""Others disturb from this part of a core on; with more than 5 cores, from this share of all cores."""
LEAST_SECONDS = 0.25
"""/proc/stat counts ticks of 10 ms: in a shorter time, rounding alone may look like the CPU of others."""
TICKS_SECONDS = 0.03
"""In a shorter time there may be no tick at all."""
SETTLE_SECONDS = 0.002
"""A server that has answered still closes the connection, and is no other program."""
STEAL_CORES, LEAST_STOLEN_SECONDS = 0.1, 0.02
"""The part of a core that may be stolen, and the two ticks that are too few to say so."""
SWAPPED_BYTES = 1 << 20
STALLED = 0.1
"""The share of the time in which some program may wait for memory."""
LOOK_SECONDS = 1.0
"""Between two looks for other runs, which read a file of each process."""


class HostWatch:
    """What is known of this host between two moments, again and again."""

    def __init__(self, files: HostFiles | None = None) -> None:
        self._files = files or HostFiles()
        self._before = self._files.read()
        self._looked_at, self._other_runs = 0.0, 0

    def begin(self) -> None:
        """Look at the host before a measurement."""
        self._look_for_runs()
        time.sleep(SETTLE_SECONDS)
        self._before = self._files.read()

    def end(self, own_cpu_seconds: float, server_cpu_seconds: float | None) -> HostUse:
        """Return what the host did since ``begin``; the lab's clients and servers used this CPU of it."""
        time.sleep(SETTLE_SECONDS)
        after = self._files.read()
        lab_cpu_seconds = None if server_cpu_seconds is None else own_cpu_seconds + server_cpu_seconds
        self._look_for_runs()
        return host_use(self._before, after, lab_cpu_seconds, self._other_runs)

    def _look_for_runs(self) -> None:
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._other_runs = self._files.other_runs(os.getppid())
            self._looked_at = time.monotonic()


def known_cpu_seconds(method: str, cost: Cost) -> float | None:
    """Return the CPU seconds of all servers on an upload's way; None for two: only the first is asked."""
    return None if ALL_METHODS[method].hops else cost.cpu_seconds


def host_use(
    before: HostReading, after: HostReading, lab_cpu_seconds: float | None, other_runs: int = 0
) -> HostUse:
    """Return what the host did between two moments, with its warnings."""
    busy = _grown(before.busy_seconds, after.busy_seconds)
    use = HostUse(
        host_seconds=after.at - before.at,
        other_cpu_seconds=None if None in (busy, lab_cpu_seconds) else max(0.0, busy - lab_cpu_seconds),
        other_runnable=None
        if before.runnable is None or after.runnable is None
        else min(before.runnable, after.runnable),
        steal_seconds=_grown(before.steal_seconds, after.steal_seconds),
        throttles=_grown(before.throttles, after.throttles),
        dirty_bytes=before.dirty_bytes,
        swapped_bytes=_grown(before.swapped_bytes, after.swapped_bytes),
        memory_stall_seconds=_grown(before.memory_stall_seconds, after.memory_stall_seconds),
    )
    use.host_warnings = _warnings(use, before, other_runs)
    return use


def _warnings(use: HostUse, before: HostReading, other_runs: int) -> list[HostWarning]:
    seconds = use.host_seconds or 0.0
    limit_bytes = before.dirty_limit_bytes
    met = {
        HostWarning.OTHER_RUN: other_runs > 0,
        HostWarning.OTHER_PROCESSES: _others_disturb(use, seconds, before.cores),
        HostWarning.CPU_STEAL: (use.steal_seconds or 0) > max(STEAL_CORES * seconds, LEAST_STOLEN_SECONDS),
        HostWarning.THROTTLED: bool(use.throttles),
        HostWarning.DISK_BUSY: bool(limit_bytes) and (use.dirty_bytes or 0) >= (limit_bytes or 0),
        HostWarning.MEMORY_SHORT: (use.swapped_bytes or 0) >= SWAPPED_BYTES
        or (use.memory_stall_seconds or 0) > STALLED * seconds,
    }
    return [warning for warning, is_met in met.items() if is_met]


def _others_disturb(use: HostUse, seconds: float, cores: int) -> bool:
    """Return whether other programs took CPU; in a short time, they must want it before and after, too."""
    if use.other_cpu_seconds is None:
        return False
    limit = max(CORES, SHARE * cores)
    taken = use.other_cpu_seconds > limit * seconds
    if seconds >= LEAST_SECONDS:
        return taken
    return (taken or seconds < TICKS_SECONDS) and (use.other_runnable or 0) >= limit


def _grown(before: Any, after: Any) -> Any:
    """Return by how much a counter has grown; None if it is not known."""
    return None if before is None or after is None else max(0, after - before)
