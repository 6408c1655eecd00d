"""A stack: what it is declared as, and the place that it runs in."""

import ipaddress
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import trustme
from uploadlab.doctoring.far_end import make_far_end
from uploadlab.model.links import Link
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.link.lines import Links

HOST = "127.0.0.1"
READY_SECONDS = 90.0
"""On a busy host."""
POLL_SECONDS = 0.05
_PORTS: set[int] = set()
_PORTS_LOCK = threading.Lock()


class StackFailed(Exception):
    """A stack that cannot be started."""


class Subject(NamedTuple):
    """A running stack, as its clients see it."""

    url: str
    ca: Path | None = None
    """The certificate of the authority to be trusted; None: plain HTTP, or nobody trusts it."""
    as_form: bool = False


Proof = Callable[[Subject], str]
"""Returns why the fault does not show; empty: it does."""


class Stack(NamedTuple):
    """A stack with one planted fault, or a healthy one."""

    name: str
    family: str
    expected: frozenset[str]
    """Ids of the causes that are right; more than one only where nobody can tell them apart."""
    proves: Proof
    start: Callable[["Place"], str]
    says: str
    as_form: bool
    quick: bool
    """Whether it belongs to the sample for tests."""


STACKS: dict[str, Stack] = {}


def planted(
    family: str, *expected: str, proves: Proof, as_form: bool = False, quick: bool = False
) -> Callable[[Callable[["Place"], str]], Callable[["Place"], str]]:
    """Register a function that starts a stack and returns its URL; its docstring says what is planted."""

    def register(start: Callable[["Place"], str]) -> Callable[["Place"], str]:
        name = start.__name__.replace("_", "-")
        says = (start.__doc__ or "").strip()
        STACKS[name] = Stack(name, family, frozenset(expected), proves, start, says, as_form, quick)
        return start

    return register


class Place:
    """A folder and the processes of one stack. All of it ends with the object."""

    def __init__(self, parent: Path, name: str, token: str = "") -> None:
        self._processes = Processes()
        self.folder = self._processes.scratch(parent, name, "name another folder with --folder")
        self.folder.chmod(0o755)  # Apache's processes are another user's
        self.uploads = self._made("uploads")
        self.spool = self._made("tmp")
        self.ca: Path | None = None
        self.token = token
        if token:
            (self.folder / "upload_lab_probe.py").write_text(make_far_end(token=token).source)
        self._started = 0
        self._links = Links(self._processes)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *error: object) -> None:
        self._processes.__exit__(*error)

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        folder.chmod(0o777)
        return folder

    @property
    def environment(self) -> dict[str, str]:
        """The environment of each process."""
        code = os.pathsep.join(str(ROOT / part) for part in ("", "client", "services/app"))
        code += f"{os.pathsep}{self.folder}"  # the far end, as a user has it
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": code,
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.spool),
            "PLANTED_FOLDER": str(self.uploads),
            "PLANTED_TOKEN": self.token,
        }

    def port(self) -> int:
        """Return a free port that no other stack of this program has."""
        with _PORTS_LOCK:
            while True:
                with socket.socket() as listener:
                    listener.bind((HOST, 0))
                    number = int(listener.getsockname()[1])
                if number not in _PORTS:
                    _PORTS.add(number)
                    return number

    def write(self, name: str, text: str) -> Path:
        """Write a config; return its path."""
        path = self.folder / name
        path.write_text(text)
        return path

    def start(
        self,
        command: Sequence[str | Path],
        port: int,
        environment: Mapping[str, str] | None = None,
        ready: str = "",
    ) -> int:
        """Start a server; return its port once it listens and its log has that word. Raise StackFailed.

        Port 0: it need not listen.
        """
        words = [str(word) for word in command]
        log = self.folder / f"{self._started}.log"
        with log.open("wb") as output:
            process = self._processes.start(
                words, {**self.environment, **(environment or {})}, self.folder,
                stop_signal="SIGINT", stdin=-3, stdout=output, stderr=output,
            )  # fmt: skip
        self._started += 1
        end = time.monotonic() + READY_SECONDS
        while (port and not listens(port)) or ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > end:
                raise StackFailed(f"{words[0]} is not ready: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(POLL_SECONDS)
        return port

    def answers(self, port: int) -> int:
        """Return a server's port once its app answers; raise StackFailed."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            with suppress(OSError, HTTPException):
                connection = HTTPConnection(HOST, port, timeout=5)
                connection.request("GET", "/healthz", headers={"Connection": "close"})
                if connection.getresponse().status == 200:
                    return port
            time.sleep(POLL_SECONDS)
        raise StackFailed(f"the app does not answer: {self.logs()}")

    def link(self, link: Link, port: int) -> int:
        """Return the port of a line that leads to a server over a link."""
        return self._links.open(link, HOST, port, "planted").port

    def logs(self) -> str:
        """Return the last words of each process."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def certificate(self, *names: str, is_trusted: bool = True, is_expired: bool = False) -> Path:
        """Return a file with a key and its certificate; clients trust it unless that is the fault."""
        authority = trustme.CA()
        ends = datetime.now(UTC) + timedelta(days=-2 if is_expired else 30)
        begins = ends - timedelta(days=90)
        for_these = names or (HOST, "localhost")
        issued = authority.issue_cert(*for_these, not_before=begins, not_after=ends)
        pem = self.folder / "tls.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(pem)
        if is_trusted:
            self.ca = self.folder / "ca.pem"
            authority.cert_pem.write_to_path(self.ca)
        return pem


def on_small_disk(folder: Path, size_bytes: int, command: Sequence[str | Path]) -> list[str | Path]:
    """Return a command that alone sees a small disk at the folder; the disk ends with the command."""
    mount = f'mount -t tmpfs -o size={size_bytes},mode=0777 planted "$1" && shift && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", mount, "sh", folder, *command]


def listens(port: int) -> bool:
    """Return whether a process takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def program(name: str) -> str:
    """Return the path of a program of the environment or the system."""
    return str(
        shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin") or name
    )


def host_address() -> ipaddress.IPv4Address:
    """Return the address that certificates name."""
    return ipaddress.IPv4Address(HOST)
