"""A world of one's own, with another network and another /tmp, for what would meet other tests' servers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from uploadlab.paths import ROOT

from .helpers import REQUIRED

UP = """
import fcntl, socket, struct, time
flags = struct.pack("16sh", b"lo", 0x41)  # IFF_UP, IFF_RUNNING
fcntl.ioctl(socket.socket(), 0x8914, flags)  # SIOCSIFFLAGS of netdevice(7)
print("up", flush=True)
time.sleep(1e6)
"""
"""The first process there: brings its loopback up, and when it ends all end."""


class World(NamedTuple):
    """Where to work, and the words before a command that is to run there."""

    folder: Path
    enter: list[str]


@contextmanager
def made(folder: Path) -> Iterator[World]:
    """Until the end; /tmp is ``folder/tmp`` there. Skips the test where none can be made: it takes root."""
    for name in ("tmp", "checkout"):
        (folder / name).mkdir()
    start = " && ".join(
        [
            f"mount --bind '{ROOT}' '{folder}/checkout'",  # which may lie in the /tmp that is covered next
            f"mount --bind '{folder}/tmp' /tmp",
            f"mkdir -p '{ROOT}'",
            f"mount --bind '{folder}/checkout' '{ROOT}'",
            f"exec '{sys.executable}' -c '{UP}'",
        ]
    )
    apart = ["unshare", "--pid", "--net", "--fork", "--mount-proc", "--kill-child", "bash", "-c", start]
    with subprocess.Popen(apart, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        try:
            if process.stdout.readline() != "up\n":
                why = f"no world of its own here: {process.stderr.read().strip()}"
                pytest.fail(f"{why}, and LAB_REQUIRE names mount") if "mount" in REQUIRED else pytest.skip(
                    why
                )
            at = f"/proc/{process.pid}/ns"
            yield World(
                folder,
                [
                    "nsenter",
                    f"--net={at}/net",
                    f"--mount={at}/mnt",
                    f"--pid={at}/pid_for_children",
                    "--",
                    "env",
                    "TMPDIR=/tmp",
                ],
            )
        finally:
            process.kill()
