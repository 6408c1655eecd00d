"""The local runtime: starts deployments as processes and turns them into targets."""

import importlib.util
import os
import random
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

from uploadlab.model.deployments import Deployment, Service, Target
from uploadlab.paths import APP, ROOT
from uploadlab.private_urls import Private, ServerProcesses, for_own_app, keep
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import in_url, reached
from uploadlab.storage.run_files import RunFiles

HOST = "127.0.0.1"
PORTS = range(10_000, 32_768)
"""Below the ports that Linux gives to connections, which may be taken before a server has started."""
LINE_BYTES = 1 << 16
"""A longer line of a server is cut."""
LAST_WORDS_BYTES = 1 << 16
SOCKETS = Path("/tmp")  # noqa: S108  the folder made here has a random name and no rights for others
"""Not in the checkout: a socket's path may have 108 bytes at most."""


def search_path() -> str:
    """Return PATH for servers: programs installed beside this Python come first."""
    beside = Path(sys.executable).parent  # not resolved: a virtual environment's own folder
    return os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath), "/usr/sbin"])


def _is_installed(need: str) -> bool:
    """Return whether a program is on the servers' path, or a package beside this Python."""
    importlib.invalidate_caches()  # it may have been installed since this Python started
    return bool(shutil.which(need, path=search_path()) or importlib.util.find_spec(need))


def free_ports(count: int) -> list[int]:
    """Return different ports that nothing listens on now."""
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
        """Make new folders, that of uploads in ``parent``; raise LabError."""
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
        fixes: dict[str, str],
        settings: dict[str, str] | None = None,
        echo: Callable[[str], object] = str,
        packages: Mapping[str, Path | str] = MappingProxyType({}),
    ) -> None:
        """Take the command that installs each program, and settings for each server.

        ``packages`` has the folders of packages that deployments load before the lab's own, by their names,
        or why they have none: those deployments are not started.

        Without ``log_dir`` each line of a server goes to ``echo``, which prints it plain: clients have words
        in it. By default nobody sees it.
        """
        self._echo = echo
        self._processes = processes
        self._scratch, self._log_dir = scratch, log_dir
        self._fixes = fixes
        self._settings = settings or {}
        self._packages = {name: found for name, found in packages.items() if isinstance(found, Path)}
        self._problems = {name: why for name, why in packages.items() if isinstance(why, str)}
        self._for_apps: Mapping[str, str] = {}
        self._started: dict[str, list[tuple[Service, subprocess.Popen[bytes]]]] = {}

    def hand_to_apps(self, environment: Mapping[str, str]) -> None:
        """Set more variables for the servers that run an app of the user's own."""
        self._for_apps = environment

    def lacks(self, deployments: list[Deployment]) -> str:
        """Return what this host lacks for these, and what to type; empty if nothing."""
        needs = {need: deployment.group for deployment in deployments for need in deployment.needs}
        return "; ".join(
            f"{need} is not installed: {self._fixes.get(need, f'./scripts/install {group}')}"
            for need, group in needs.items()
            if not _is_installed(need)
        )

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Start all at once; a deployment that lacks something is a target that says so."""
        ports = dict(zip((made.name for made in deployments), free_ports(len(deployments)), strict=True))
        urls = {made.name: f"{made.scheme}://{HOST}:{ports[made.name]}" for made in deployments}
        return [self.start_one(deployment, ports[deployment.name], urls=urls) for deployment in deployments]

    def start_one(
        self, deployment: Deployment, port: int, host: str = HOST, urls: Mapping[str, str] | None = None
    ) -> Target:
        """Start a deployment on this port; ``urls`` has the deployments that it may pass uploads on to."""
        problem = deployment.unsuited or self._problems.get(deployment.name) or self.lacks([deployment])
        started: list[tuple[Service, subprocess.Popen[bytes]]] = []
        if not problem:
            hops = [f"{name}={urls[name]}" for name in deployment.next if urls and name in urls]
            environment = self._environment(deployment.name, host, port)
            environment |= self._for_apps if deployment.app else {}
            started = self._started.setdefault(deployment.name, [])
            try:
                for service in deployment.services:
                    # compose.yaml has containers' addresses as NEXT_HOPS.
                    own = self._settings | service.environment | {"NEXT_HOPS": " ".join(hops)}
                    started.append((service, self._spawn(service, environment | own)))
            except OSError as error:
                problem = f"cannot start {error.filename}: {error.strerror}; ./scripts/install may fix it"
        url = f"{deployment.scheme}://{in_url(reached(host))}:{port}"
        # What a deployment with TLS leaves there when it starts.
        authority = self._scratch.run_dir / deployment.name / f"{deployment.name}.pem"
        private = Private(ca_file=str(authority) if deployment.tls else "", front=deployment.front)
        if deployment.app:
            run_dir = self._scratch.run_dir / deployment.name
            sessions = [process.pid for _, process in started]  # each begins a session
            private = for_own_app(private, ServerProcesses(sessions, str(run_dir)))
        keep(url, private)
        return deployment.target(url, problem)

    def leaders(self, name: str) -> list[int]:
        """Return the process ids of a deployment's services, in order; each leads a session of its own."""
        return [process.pid for _, process in self._started.get(name, [])]

    def explain(self, name: str) -> str:
        """Return which process of a deployment has ended, with its last words; empty if none has."""
        for service, process in self._started.get(name, []):
            if (code := process.poll()) is not None:
                return f"{service.command[0]} ended with status {code}: {self._last_words(service)}"
        return ""

    def stop(self) -> None:
        """Stop every deployment."""
        running = [process for group in self._started.values() for _, process in group]
        self._started.clear()
        self._processes.stop(running)

    def _spawn(self, service: Service, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        logs = RunFiles(self._log_dir) if self._log_dir else None
        with logs.append(f"{service.name}.log") if logs else nullcontext() as log:
            process = self._processes.start(
                service.command,
                environment,
                ROOT,
                service.stop_signal,
                stdin=subprocess.DEVNULL,
                stdout=log or subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        if log is None:
            threading.Thread(target=_echo_lines, args=(process.stdout, self._echo), daemon=True).start()
        return process

    def _environment(self, name: str, host: str, port: int) -> dict[str, str]:
        """Return the environment contract, and nothing of the user's that could change a server."""
        run_dir, data_dir = self._scratch.run_dir / name, self._scratch.data_dir / name
        for folder in (run_dir, data_dir / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        own = [str(self._packages[name])] if name in self._packages else []
        return {
            "PATH": os.pathsep.join([*(f"{folder}/bin" for folder in own), search_path()]),
            # uWSGI finds no virtual environment whose path is not ASCII: the packages are named, too.
            "PYTHONPATH": os.pathsep.join([str(APP), *own, sysconfig.get_path("purelib")]),
            "PYTHONUNBUFFERED": "1",  # so that last words reach the log
            "LANG": "C.UTF-8",
            "HOME": str(run_dir),
            "LAB_DEPLOYMENT": name,
            "HOST": host,
            "PORT": str(port),
            "BIND": f"{in_url(host)}:{port}",
            "RUN_DIR": str(run_dir),
            "CA_DIR": str(run_dir),
            "DATA_DIR": str(data_dir),
            "TMPDIR": str(data_dir / "tmp"),
            "PROFILE_DIR": str(run_dir / "profiles"),
            "SILENCE_SECONDS": "30",
            "USAGE": "1",
        }

    def _last_words(self, service: Service) -> str:
        if not self._log_dir:
            return "see above"
        said = RunFiles(self._log_dir).read_end(f"{service.name}.log", LAST_WORDS_BYTES)
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"


def _echo_lines(output: IO[bytes], echo: Callable[[str], object]) -> None:
    """Pass on what a server writes, line by line, until it has ended."""
    while line := output.readline(LINE_BYTES):
        echo(line.decode(errors="replace").rstrip("\n"))
