"""The host's counters at one moment, from Linux's /proc and /sys, without privileges.

In a container /proc/stat, /proc/loadavg, /proc/vmstat and /proc/pressure are the host's, too. A counter that
cannot be read is None, never a guess.
"""

import os
import re
import time
from pathlib import Path
from typing import NamedTuple

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
COLUMNS, STEAL = 8, 7
"""Of the first line of /proc/stat, see proc(5); the columns of guests behind them count in the first two."""
NOT_BUSY = (3, 4, STEAL)
"""The columns idle, iowait and steal."""
RUN_MODULES = re.compile(r"(?:^|\0)uploadlab\.(?:sending\.process(?:\0|$)|load\.)")
"""A word in the command lines of the processes that a run starts: its client, and Locust's master."""


class HostReading(NamedTuple):
    """The counters at one moment."""

    at: float
    """Seconds of the monotonic clock."""
    cores: int
    busy_seconds: float | None
    """CPU seconds of all cores since boot, of programs and the kernel, without what was stolen."""
    steal_seconds: float | None
    runnable: int | None
    """How many threads of the whole host run or wait for a core, beside the one that looks."""
    throttles: int | None
    dirty_bytes: int | None
    """What waits to be written to disk, with what is being written now."""
    dirty_limit_bytes: int | None
    """From here on the kernel slows down programs that write."""
    swapped_bytes: int | None
    memory_stall_seconds: float | None


class HostFiles:
    """Linux's files about the host, below a root folder."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._proc = root / "proc"
        self._throttles = [path for path in _throttle_files(root) if path.is_file()]

    def read(self) -> HostReading:
        """Return the counters now; takes some hundred microseconds."""
        runnable = _found(r" (\d+)/\d+ ", _text(self._proc / "loadavg"))  # first: reading costs time itself
        lines = [line for line in _text(self._proc / "stat").splitlines() if line.startswith("cpu")]
        columns = lines[0].split()[1 : 1 + COLUMNS] if lines else []
        ticks = [int(word) for word in columns if word.isdigit()]
        known = len(ticks) == COLUMNS
        pages = dict(line.partition(" ")[::2] for line in _text(self._proc / "vmstat").splitlines())
        stalled = _found(r"^some .*total=(\d+)", _text(self._proc / "pressure" / "memory"))
        return HostReading(
            at=time.monotonic(),
            cores=len(lines) - 1 if known else os.cpu_count() or 1,
            busy_seconds=(sum(ticks) - sum(ticks[at] for at in NOT_BUSY)) * TICK_SECONDS if known else None,
            steal_seconds=ticks[STEAL] * TICK_SECONDS if known else None,
            runnable=None if runnable is None else max(0, runnable - 1),
            throttles=sum(map(_throttled, self._throttles)) if self._throttles else None,
            dirty_bytes=_bytes(pages, "nr_dirty", "nr_writeback"),
            dirty_limit_bytes=_slows_writers(pages),
            swapped_bytes=_bytes(pages, "pswpin", "pswpout"),
            memory_stall_seconds=None if stalled is None else stalled / 1e6,
        )

    def other_runs(self, own_parent: int) -> int:
        """Return how many other runs of the lab measure here, as far as their processes can be seen."""
        parents = set()
        for entry in os.scandir(self._proc):
            line = _text(f"{entry.path}/cmdline") if entry.name.isdecimal() else ""
            if RUN_MODULES.search(line):  # one search: a host may have thousands of processes
                parents.add(_found(r"\) \S (\d+) ", _text(f"{entry.path}/stat")))
        return len(parents - {own_parent, None})


def _throttle_files(root: Path) -> list[Path]:
    """Return the files that count throttling: of our control group and those around it, and of heat."""
    found = [root / "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        if not kinds or "cpu" in kinds.split(","):
            top = root / "sys/fs/cgroup" / kinds
            group = top / path.strip("/")
            around = [folder for folder in (group, *group.parents) if folder.is_relative_to(top)]
            found += [folder / "cpu.stat" for folder in around]
    return found


def _throttled(path: Path) -> int:
    return _found(r"^(?:nr_throttled )?(\d+)$", _text(path)) or 0


def _bytes(pages: dict[str, str], *names: str) -> int | None:
    found = [int(pages[name]) * PAGE_BYTES for name in names if pages.get(name, "").strip().isdigit()]
    return sum(found) if len(found) == len(names) else None


def _slows_writers(pages: dict[str, str]) -> int | None:
    """Return half way between the two thresholds of the kernel, from where on it slows writers down."""
    both = _bytes(pages, "nr_dirty_threshold", "nr_dirty_background_threshold")
    return both // 2 if both else None


def _found(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else None


def _text(path: Path | str) -> str:
    """Return a file's text; empty where there is none, or it may not be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""
