"""What this host is, as far as figures depend on it."""

import os
import platform
import shutil
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.model.runs import Host
from uploadlab.paths import in_container
from uploadlab.units import format_size


def describe_host(data_dir: Path) -> Host:
    """Return this host, with the filesystem that uploads are stored on."""
    return Host(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=f"{platform.system()} {platform.release()}",
        data_filesystem=_filesystem(data_dir),
    )


def require_space(data_dir: Path, sizes: set[int], more: int = 0) -> None:
    """Raise LabError unless payloads, one upload with its copies, and ``more`` bytes fit on the disk."""
    # The stored file, the app's temporary copy, a proxy's spool, and one left by an upload cut short.
    needed = sum(sizes) + 4 * max(sizes, default=0) + more
    free = shutil.disk_usage(data_dir).free
    if free < needed:
        raise LabError(
            f"{data_dir} has {format_size(free)} free, this run needs {format_size(needed)}: "
            "choose smaller --sizes" + ("" if in_container() else " or another --data-dir")
        )


def _cpu() -> str:
    names = [line.partition(":")[2] for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return names[0].strip() if names else platform.processor() or platform.machine()


def _filesystem(folder: Path) -> str:
    """Return the type of the mount that holds the folder: the longest mount point above it."""
    mounts = (line.split() for line in _lines("/proc/mounts"))
    above = [(len(at), kind) for _, at, kind, *_ in mounts if folder.resolve().is_relative_to(at)]
    return max(above)[1] if above else "unknown"


def _lines(path: str) -> list[str]:
    """Return the lines of a file of Linux; none elsewhere."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
