"""A filesystem of its own that is soon full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .helpers import REQUIRED


@contextmanager
def small_disk(at: Path, size_bytes: int) -> Iterator[Path]:
    """A tmpfs mounted there until the end; the test is skipped where that is not allowed."""
    at.mkdir()
    options = f"size={size_bytes},mode=0777"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "lab-test", at], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = f"no filesystem can be mounted here: {done.stderr.strip()}"
        pytest.fail(f"{why}, and LAB_REQUIRE names mount") if "mount" in REQUIRED else pytest.skip(why)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def fill(folder: Path, leave_bytes: int) -> Path:
    """A file that leaves so much of the disk."""
    stat = os.statvfs(folder)
    path = folder / "filler"
    path.write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - leave_bytes)))
    return path
