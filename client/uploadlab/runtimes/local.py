"""The local runtime: starts deployments as processes and turns them into targets."""

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from uploadlab.model.deployments import Deployment, Service, Target
from uploadlab.paths import APP, ROOT
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import is_unspecified

HOST = "127.0.0.1"


PORTS = range(10_000, 32_768)
"""Below those that Linux gives to connections: one of these might be taken before its server has started."""


SOCKETS = Path("/tmp")  # noqa: S108  the folder made here has a random name and no rights for others
"""Not in the checkout: a socket's path may have 108 bytes at most."""


_BIN = Path(sys.executable).parent  # not resolved: a virtual environment's own folder


def search_path() -> str:
    """PATH for servers: those installed beside this Python come first."""
    return os.pathsep.join([str(_BIN), os.environ.get("PATH", os.defpath), "/usr/sbin"])


def missing(needs: list[str]) -> list[str]:
    """Those of the needed programs that this host lacks."""
    return [need for need in needs if shutil.which(need, path=search_path()) is None]


def lack(names: list[str], mends: dict[str, str]) -> str:
    """Why something cannot start, and what to type."""
    return "; ".join(f"{name} is not installed: {mends.get(name, 'install it')}" for name in names)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, each another."""
    found: list[int] = []
    with ExitStack() as held:  # held together, so that none is given out twice
        for port in random.sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((HOST, port))
                found.append(port)
    return found


class Scratch(NamedTuple):
    """The folders that deployments work in; gone at the end."""

    data_dir: Path
    run_dir: Path

    @classmethod
    def make(cls, processes: Processes, parent: Path, name: str) -> "Scratch":
        """Folders of one's own, uploads in ``parent``; raises LabError."""
        return cls(
            processes.scratch(parent.resolve(), name, "choose another --data-dir"),
            processes.scratch(SOCKETS, "uploadlab", "servers need it for their sockets"),
        )


class LocalRuntime:
    """Deployments as process groups on loopback, each with folders of its own."""

    name = "local"

    def __init__(
        self,
        processes: Processes,
        scratch: Scratch,
        log_dir: Path | None,
        mends: dict[str, str],
        settings: dict[str, str] | None = None,
    ) -> None:
        """Without ``log_dir`` servers write to the terminal; ``settings`` go to each of them."""
        self._processes = processes
        self._scratch, self._log_dir = scratch, log_dir
        self._mends = mends
        self._settings = settings or {}
        self._started: dict[str, list[tuple[Service, subprocess.Popen[bytes]]]] = {}

    def lacks(self, deployments: list[Deployment]) -> str:
        """What this host lacks for these, and what to type; empty if nothing."""
        needs = dict.fromkeys(need for one in deployments for need in one.needs)
        return lack(missing(list(needs)), self._mends)

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Start all at once; one that lacks something is a target that says so."""
        ports = free_ports(len(deployments))
        urls = {one.name: f"http://{HOST}:{port}" for one, port in zip(deployments, ports, strict=True)}
        return [self.start_one(one, port, urls=urls) for one, port in zip(deployments, ports, strict=True)]

    def start_one(
        self, one: Deployment, port: int, host: str = HOST, urls: Mapping[str, str] | None = None
    ) -> Target:
        """Start one deployment on a port of choice; of ``urls`` it may pass uploads on to its next."""
        problem = lack(missing(one.needs), self._mends)
        if not problem:
            started = self._started.setdefault(one.name, [])
            try:
                environment = self._environment(one, host, port)
                hops = {"NEXT_HOPS": next_hops(one, urls or {})}
                started += ((part, self._spawn(part, environment, hops)) for part in one.services)
            except OSError as error:
                problem = f"cannot start {error.filename}: {error.strerror}; ./scripts/install may mend it"
        reached = HOST if is_unspecified(host) else host
        return Target(one.name, f"http://{reached}:{port}", one.tier, one.accepts, problem, next=one.next)

    def explain(self, name: str) -> str:
        """Which process of a deployment has ended, with its last words; empty if none has."""
        for service, process in self._started.get(name, []):
            if (code := process.poll()) is not None:
                return f"{service.command[0]} ended with status {code}: {self._last_words(service)}"
        return ""

    def stop(self) -> None:
        """Stop every deployment."""
        running = [process for group in self._started.values() for _, process in group]
        self._started.clear()
        self._processes.stop(running)

    def _spawn(
        self, service: Service, environment: dict[str, str], hops: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with self._log(service) as log:
            return self._processes.start(
                service.command,
                environment | self._settings | service.environment | hops,  # not at containers' addresses
                ROOT,
                service.stop_signal,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
            )

    def _environment(self, one: Deployment, host: str, port: int) -> dict[str, str]:
        run_dir, data_dir = self._scratch.run_dir / one.name, self._scratch.data_dir / one.name
        for folder in (run_dir, data_dir / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        return environment(one.name, host, port, run_dir, data_dir)

    def _log(self, service: Service) -> AbstractContextManager[BinaryIO | None]:
        return open(self._log_dir / f"{service.name}.log", "ab") if self._log_dir else nullcontext()

    def _last_words(self, service: Service) -> str:
        if not self._log_dir:
            return "see above"
        lines = (self._log_dir / f"{service.name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def next_hops(one: Deployment, urls: Mapping[str, str]) -> str:
    """Where it may pass uploads on to, in the app's words."""
    return " ".join(f"{name}={urls[name]}" for name in one.next if name in urls)


def environment(name: str, host: str, port: int, run_dir: Path, data_dir: Path) -> dict[str, str]:
    """The environment contract, and nothing of the user's that could change a server."""
    return {
        "PATH": search_path(),
        "PYTHONPATH": str(APP),
        "PYTHONUNBUFFERED": "1",  # so that last words reach the log
        "LANG": "C.UTF-8",
        "HOME": str(run_dir),
        "LAB_DEPLOYMENT": name,
        "HOST": host,
        "PORT": str(port),
        "RUN_DIR": str(run_dir),
        "DATA_DIR": str(data_dir),
        "TMPDIR": str(data_dir / "tmp"),
        "PROFILE_DIR": str(run_dir / "profiles"),
        "USAGE": "1",
    }
