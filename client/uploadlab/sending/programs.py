"""The programs that send as other clients do: started when needed, asked for one upload at a time."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from uploadlab.catalogue.clients import CLIENTS
from uploadlab.errors import LabError
from uploadlab.paths import PACKAGES, ROOT, client_environment
from uploadlab.processes.groups import Processes
from uploadlab.processes.jsonpipe import Lines, UnreadableAnswer
from uploadlab.sending.clients.tus_js import ENVIRONMENTS
from uploadlab.versions.client_folders import ClientFolders, folders_here

START_SECONDS = 60.0
"""Of the slowest, Chromium, on a busy machine."""
INSTALL = "./scripts/install clients"


class Started(msgspec.Struct):
    """The first line of a program."""

    versions: dict[str, str] = {}
    unavailable: str = ""
    """Why it cannot send here."""


class ProgramSent(msgspec.Struct, kw_only=True):
    """What a program says of one upload. The library's words are an error's type and text."""

    status: int | None = None
    content: str = ""
    """In Latin-1, a character a byte."""
    location: str | None = None
    protocol: str = ""
    error: str = ""
    cannot: str = ""
    """Why the client has no such upload."""
    begun: float | None = None
    """By the monotonic clock of the host."""
    seconds: float | None = None
    client_cpu_seconds: float | None = None
    client_peak_rss_bytes: int | None = None

    @property
    def body(self) -> bytes:
        """The content of the answer."""
        return self.content.encode("latin-1", errors="replace")


class ClientUnavailable(Exception):
    """A client that cannot send here; its text says why, and what to type."""


class Programs:
    """The programs of a process, one a client."""

    def __init__(self, processes: Processes | None = None, folders: ClientFolders | None = None) -> None:
        """Take what the programs load first; by default what the lab has passed to this process."""
        self._processes, self._folders = processes, folders or folders_here()
        self._pipes: dict[str, Lines] = {}
        self._versions: dict[str, dict[str, str]] = {}
        self._unavailable: dict[str, str] = {}

    def close(self) -> None:
        """End the programs."""
        for name in list(self._pipes):
            self.end(name)

    def versions(self, name: str) -> dict[str, str]:
        """Return the versions of a client's library; raise ClientUnavailable."""
        self._started(name)
        return self._versions[name]

    def limit_memory(self, name: str, most_bytes: int) -> None:
        """Let a program have no more memory of its own than this; raise ClientUnavailable."""
        # What it has started by then, and starts later, is limited in the same way, each process by itself.
        with suppress(ProcessLookupError):
            resource.prlimit(self._started(name).process.pid, resource.RLIMIT_DATA, (most_bytes, most_bytes))

    def send(self, name: str, job: Mapping[str, Any], seconds: float | None) -> ProgramSent | None:
        """Make an upload by a client; return None, and end the program, if it is not through in this time.

        Raise ClientUnavailable.
        """
        pipe = self._started(name)
        try:
            pipe.write(job)
            sent = pipe.read(ProgramSent, 1e9 if seconds is None else seconds)
        except OSError:
            self.end(name)
            return ProgramSent(error=f"the program of {name} does not listen")
        except UnreadableAnswer as error:
            self.end(name)
            return ProgramSent(error=f"the program of {name} went wrong: {error}")
        if sent is None:
            code = pipe.process.poll()
            self.end(name)
            if code is not None:
                return ProgramSent(error=f"the program of {name} ended with status {code}")
        return sent

    def make_ready(self, name: str, job: Mapping[str, Any], seconds: float | None = None) -> None:
        """Have a client do what no clock counts before this upload, such as to start a browser.

        Raise ClientUnavailable. What else goes wrong, the upload says.
        """
        self.send(name, {**job, "only_ready": True}, seconds)

    def end(self, name: str) -> None:
        """End a program with all that it has started; the next upload starts it again."""
        if (pipe := self._pipes.pop(name, None)) and self._processes:
            self._processes.kill(pipe.process)

    def _started(self, name: str) -> Lines:
        if why := self._unavailable.get(name):
            raise ClientUnavailable(why)
        pipe = self._pipes.get(name)
        if pipe is None or pipe.process.poll() is not None:
            pipe = self._start(name)
        return pipe

    def _scratch(self) -> Path:
        """Return a new folder for what a program writes beside; raise ClientUnavailable."""
        try:
            return cast(Processes, self._processes).scratch(
                Path(tempfile.gettempdir()), "uploadlab-client", "set TMPDIR to another folder"
            )
        except LabError as error:
            raise ClientUnavailable(str(error)) from None

    def _start(self, name: str) -> Lines:
        own = self._folders.paths.get(name)
        places = [*([own] if own else []), client_environment(name)]
        if self._processes is None:
            self._processes = Processes()
        # Neither the lab's libraries nor the user's: only those of the client's own environment.
        process = self._processes.start(
            [sys.executable, "-S", "-P", "-s", "-m", CLIENTS[name].module],
            {**_environment(places, self._scratch()), **self._folders.environment()},
            ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        pipe = self._pipes[name] = Lines(process)
        try:
            started = pipe.read(Started, START_SECONDS)
        except UnreadableAnswer:
            started = None
        if started is None or started.unavailable:
            self.end(name)
            why = started.unavailable if started else f"{name} does not start as a client"
            self._unavailable[name] = f"{why}: {INSTALL} may fix that"
            raise ClientUnavailable(self._unavailable[name])
        self._versions[name] = started.versions
        return pipe


def _environment(packages: Sequence[Path], scratch: Path) -> dict[str, str]:
    """Return a program's environment: without the user's proxies, and with a home that is removed later."""
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    places = {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(map(str, [PACKAGES, *packages])),
        ENVIRONMENTS: str(client_environment("")),
    }
    return {**own, **places, "PYTHONUNBUFFERED": "1"}
