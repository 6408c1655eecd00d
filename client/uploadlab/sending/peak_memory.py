"""Peak memory of this process, as Linux counts it (VmHWM in /proc/self/status)."""

import re
from pathlib import Path

_PROC = Path("/proc/self")


def reset_peak() -> bool:
    """Count the peak from now on; return False where this system cannot."""
    try:
        (_PROC / "clear_refs").write_text("5")  # proc(5): 5 resets the peak resident set size
    except OSError:
        return False
    return True


def peak_rss_bytes() -> int | None:
    """Return the peak since ``reset_peak``; return None where this system does not report it."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", (_PROC / "status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
