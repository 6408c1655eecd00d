"""Locust from outside: starts its master and workers, and gives them one step after the other."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from uploadlab.errors import LabError, problem_of
from uploadlab.load.job import JOIN_SECONDS, LoadJob, StepResult
from uploadlab.load.sealed_lines import KEY, sealed
from uploadlab.load.specs import specs_environment
from uploadlab.load.workers import Workers
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.processes.jsonpipe import Lines
from uploadlab.runtimes.local import HOST, free_ports
from uploadlab.storage.run_files import RunFiles

LOG = "locust.log"


class Swarm:
    """Locust's master and its workers, started for the first step."""

    def __init__(self, processes: Processes, workers: Workers, folder: Path, logs: Path) -> None:
        """Set up; the files to send are made in ``folder``."""
        self._processes, self._workers = processes, workers
        self._folder, self._logs = folder, logs
        self._master: Lines | None = None
        self._key = secrets.token_hex()
        self._started: list[subprocess.Popen[bytes]] = []

    def do(self, job: LoadJob) -> StepResult:
        """Carry out a step; raise LabError if Locust itself fails."""
        if job.line:
            line = sealed(job.line, job.step.id, job.url, self._key)
            job = msgspec.structs.replace(job, line=line)
        master = self._master or self._start(job)
        try:
            master.write(job)
            done = master.read(StepResult, job.most_seconds)
        except OSError:
            done = None
        if done is None or not done.result.workers:
            self._stop()
            raise LabError(f"Locust or its workers have ended in {job.step.id}: {self._logs / LOG} says why")
        return done

    def _start(self, job: LoadJob) -> Lines:
        here, elsewhere, host, chosen_port = self._workers
        if chosen_port:
            _require_free(host, chosen_port)
        port = str(chosen_port or free_ports(1)[0])
        master = ["-m", "uploadlab.load.master", host, port, str(here + elsewhere)]
        worker = ["-m", "locust", "--locustfile", str(ROOT / "client" / "locustfile.py")]
        worker += ["--loglevel", "WARNING", "--worker", "--master-host", HOST, "--master-port", port]
        worker += ["--allow-host", ",".join(job.targets)]
        own = {**specs_environment(job.specs), KEY: self._key}
        with self._open_log() as log:
            lines = Lines(self._spawn(master, log, subprocess.PIPE, subprocess.PIPE))
            for _ in range(here):
                self._spawn(worker, log, subprocess.DEVNULL, log, own)
        if not lines.read(int, 60 + JOIN_SECONDS):  # the master itself takes a while to start
            self._stop()
            raise LabError(
                f"no worker has joined at {host}:{port}: start some, through a tunnel, with "
                f"./scripts/locust.sh --worker --host TARGET --master-host THIS_HOST --master-port {port}"
                if elsewhere
                else f"Locust does not start: {self._logs / LOG} says why"
            )
        self._master = lines
        return lines

    def _open_log(self) -> BinaryIO:
        try:
            return RunFiles(self._logs).append(LOG)
        except OSError as error:
            raise LabError(f"cannot write to {self._logs / LOG}: {error.strerror}; start a new run") from None

    def _spawn(
        self,
        words: list[str],
        log: BinaryIO,
        stdin: int,
        stdout: int | BinaryIO,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[bytes]:
        # Without the user's own settings of Locust, in variables or in the home folder.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        folder = str(self._folder)
        environment |= {"PYTHONPATH": str(ROOT / "client"), "HOME": folder, "TMPDIR": folder, **more}
        process = self._processes.start(
            [sys.executable, *words], environment, self._folder, stdin=stdin, stdout=stdout, stderr=log
        )
        self._started.append(process)
        return process

    def _stop(self) -> None:
        self._master = None
        self._processes.stop(self._started)
        self._started = []


def _require_free(host: str, port: int) -> None:
    """Raise LabError if the address for workers cannot be listened on."""
    try:
        where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(where[0]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where[4])
    except OSError as error:
        raise LabError(f"--listen {host}:{port}: {problem_of(error)}; choose another address") from None
