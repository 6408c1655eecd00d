"""A small disk of its own, that can be full for a while."""

import os
import subprocess
import threading
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.processes.groups import Processes


class NoDisk(LabError):
    """This user may mount no disk."""


class SmallDisk:
    """A tmpfs, mounted until the end of the processes given."""

    def __init__(self, processes: Processes, at: Path, size_bytes: int) -> None:
        """Mount it; raise NoDisk where that is not allowed."""
        at.mkdir(parents=True, exist_ok=True)
        options = f"size={size_bytes},mode=0777"
        command = ["mount", "-t", "tmpfs", "-o", options, "resumed", str(at)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = done.stderr.strip() or f"mount ended with {done.returncode}"
            raise NoDisk(f"no small disk can be mounted at {at}: {why}; run the command as root")
        # However the runs end, it goes; a scratch folder cannot be removed before that.
        processes.last(["sh", "-c", '! mountpoint -q "$1" || umount --lazy "$1"', "umount", str(at)])
        self.path = at
        self._filler = at / "filler"
        self._lock = threading.Lock()
        self._full_times = 0

    def close(self) -> None:
        """Unmount it, with all that is in it."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)

    def fill(self, seconds: float) -> None:
        """Take every free byte, and give all back after that time; a full disk stays full for longer."""
        with self._lock:
            self._full_times += 1
            stat = os.statvfs(self.path)
            free_bytes = stat.f_bfree * stat.f_frsize
            with open(self._filler, "ab") as file:
                if free_bytes:
                    os.posix_fallocate(file.fileno(), file.tell(), free_bytes)
        threading.Timer(seconds, self._give_back, [self._full_times]).start()

    def give_back(self) -> None:
        """Free what fills it now."""
        self._give_back(self._full_times)

    def _give_back(self, number: int) -> None:
        with self._lock:
            if number == self._full_times:
                self._filler.unlink(missing_ok=True)
