"""A deployment on a small disk, whose processes are killed, and which is started again."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

from uploadlab.declared.compose import load_needs
from uploadlab.errors import LabError
from uploadlab.model.deployments import Deployment, Target
from uploadlab.paths import COMPOSE
from uploadlab.processes.groups import ENDED, Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch, free_ports

POLL_SECONDS = 0.02
START_SECONDS = 60.0


class Place:
    """A deployment that something starts again whenever one of its services has ended, as systemd does."""

    def __init__(
        self, processes: Processes, deployment: Deployment, folder: Path, logs: Path, settings: dict[str, str]
    ) -> None:
        """Start it, with its uploads in ``folder``; raise LabError."""
        scratch = Scratch.make(processes, folder, "run")
        self.deployment = deployment
        self.data_dir = scratch.data_dir / deployment.name
        self._runtime = LocalRuntime(processes, scratch, logs, load_needs(COMPOSE), settings)
        self.port = free_ports(1)[0]
        self.restarts = 0
        self._closed = threading.Event()
        self._changing = threading.Lock()
        self.target = self._start()
        self._await_health()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def close(self) -> None:
        """Stop it for good."""
        self._closed.set()
        self._supervisor.join()
        self.kill_all()  # nobody waits for an answer
        self._runtime.stop()

    def kill_worker(self, draw: random.Random) -> None:
        """SIGKILL one process of the app's server: one that has an unfinished upload open, if any has."""
        with self._changing:
            leaders = self._runtime.leaders(self.deployment.name)[-1:]
            members = sorted(_members(leaders))
            workers = [pid for pid in members if pid not in leaders] or members
            writers = [pid for pid in workers if _has_open(pid, self.data_dir / "tmp")]
            if workers:
                _kill(draw.choice(writers or workers))

    def kill_all(self) -> None:
        """SIGKILL every process; behind a front the app's first, or it would see the front go."""
        with self._changing:
            leaders = self._runtime.leaders(self.deployment.name)
            for leader in reversed(leaders):
                with suppress(ProcessLookupError):
                    os.killpg(leader, signal.SIGKILL)
            for pid in _members(leaders):  # nginx's workers lead no group
                _kill(pid)

    def wait_up(self) -> None:
        """Wait until it answers; raise LabError if it does not."""
        with self._changing:
            pass
        self._await_health()

    def files(self) -> list[str]:
        """Return every file in its data folder, below which names are relative."""
        found = []
        for folder, _, names in os.walk(self.data_dir):
            found += [str((Path(folder) / name).relative_to(self.data_dir)) for name in names]
        return sorted(found)

    def _start(self) -> Target:
        target = self._runtime.start_one(self.deployment, self.port)
        if target.unavailable:
            raise LabError(f"{self.deployment.name}: {target.unavailable}")
        return target

    def _supervise(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            if not self._runtime.explain(self.deployment.name):
                continue
            with self._changing:
                self._runtime.stop()
                self.target = self._start()
                self.restarts += 1

    def _await_health(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with suppress(OSError), urlopen(f"{self.target.url}/healthz", timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
            time.sleep(POLL_SECONDS)
        why = self._runtime.explain(self.deployment.name) or "it does not answer"
        raise LabError(f"{self.deployment.name} is not up after {START_SECONDS:g} s: {why}")


def _members(leaders: list[int]) -> Iterator[int]:
    """Yield the running processes of these sessions."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, _, session, *_ = (process / "stat").read_text().rpartition(")")[2].split()
            if int(session) in leaders and state not in ENDED:
                yield int(process.name)


def _has_open(pid: int, folder: Path) -> bool:
    with suppress(OSError):
        return any(folder in link.readlink().parents for link in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
