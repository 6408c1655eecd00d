"""Peak memory of this process, as Linux counts it (VmHWM in /proc/self/status)."""

from pathlib import Path

_PROC = Path("/proc/self")


def reset_peak() -> bool:
    """Start counting from now; False where this system cannot."""
    try:
        (_PROC / "clear_refs").write_text("5")  # proc(5): 5 resets the peak resident set size
    except OSError:
        return False
    return True


def peak_rss_bytes() -> int | None:
    """The peak since ``reset_peak``; None where this system does not tell."""
    try:
        status = (_PROC / "status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
