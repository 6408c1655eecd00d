"""A copy of docs/recipes, and its servers by the commands of its page."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import requests
from uploadlab.catalogue.payloads import write_payload
from uploadlab.paths import RECIPES
from uploadlab.processes.groups import is_running
from uploadlab.runtimes.local import free_ports, search_path
from uploadlab.units import MIB

from .helpers import need, wait_until

PAGE = (RECIPES / "README.md").read_text()
FILES = set(re.findall(r"`([\w.-]+\.(?:py|ini|conf|html))`", PAGE))
BLOCKS = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""The commands below each heading."""
RESUMABLE = "Uploads that go on after a cut"
"""The app with more routes: these have tests of their own, and the rest is that of gunicorn."""
RECEIVE = [title for title, words in BLOCKS.items() if "big.bin" not in words and title != RESUMABLE]
RAW, OTHERS, FORM, RESUMING, DIGEST = (title for title in BLOCKS if title not in [*RECEIVE, RESUMABLE])
SMALLER = {"10 << 30": "8 << 20", "10g": "8m", "(1, 2, 4)": "(0.1, 0.1, 0.1)"}
SMALLER["[1000, 2000, 4000]"] = "[100, 100, 100]"
SMALLER["(0.2, 1, 2, 4, 10, 20, 30)"] = "(0.1,) * 99"
SMALLER["[200, 1000, 2000, 4000, 10000, 20000, 30000]"] = "Array(99).fill(100)"
"""The limit and the client's pauses, in the copy."""
SIZE_BYTES = 3 * MIB + 1


def is_form(title: str) -> bool:
    """Whether what stands below this heading takes forms."""
    return "form" in title


def commands(title: str) -> str:
    """Those of the page, but for the installation."""
    return "".join(line for line in BLOCKS[title].splitlines(True) if not line.startswith("pip "))


class Recipe(NamedTuple):
    """A copy of the folder, perhaps with a server that runs in it."""

    folder: Path
    port: int
    form: bool = False

    @classmethod
    def copy(cls, folder: Path, title: str = "", **replace: str) -> "Recipe":
        recipe = cls(folder, free_ports(1)[0], is_form(title))
        folder.mkdir()
        for name in FILES:
            (folder / name).write_text(recipe.changed((RECIPES / name).read_text(), **replace))
        return recipe

    def changed(self, text: str, **more: str) -> str:
        text = re.sub(r"\b8000\b", str(self.port), text)
        for old, new in {**SMALLER, **more}.items():
            text = text.replace(old, new)
        return text

    def start(self, title: str, **pipes: Any) -> subprocess.Popen[str]:
        """A block of the page, in a process group of its own."""
        environment = {**os.environ, "PATH": search_path()}
        command = ["bash", "-c", self.changed(commands(title))]
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True, start_new_session=True, **pipes
        )

    def upload(self, title: str = "") -> subprocess.CompletedProcess[str]:
        """big.bin, by the page's client."""
        client = self.start(
            title or (FORM if self.form else RAW), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said, complaint = client.communicate(timeout=300)
        return subprocess.CompletedProcess(title, client.returncode, said, complaint)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{'form' if self.form else 'upload'}"

    @property
    def uploads(self) -> Path:
        """The folder that the apps store in."""
        return self.folder.parent / "uploads"

    def stored(self) -> list[Path]:
        """All files, those in work included."""
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    def peak_bytes(self) -> int:
        """The memory that its processes have had at most, each at its own time."""
        found = 0
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (path / "cwd").readlink() == self.folder:
                    found += sum(map(int, re.findall(r"VmHWM:\s+(\d+)", (path / "status").read_text()))) << 10
        return found

    def big(self, size_bytes: int = SIZE_BYTES) -> bytes:
        """The file that is uploaded."""
        write_payload(self.folder / "big.bin", size_bytes)
        return (self.folder / "big.bin").read_bytes()


@contextmanager
def running(recipe: Recipe, title: str) -> Iterator[None]:
    """The server, from its first answer to its end, with all of its processes.

    Its umask takes nothing away: the recipes set the rights of what they make by themselves.
    """
    need(*(name for name in ("nginx", "uwsgi") if f"{name} " in commands(title)))
    with open(recipe.folder / "log", "wb") as log:
        server = recipe.start(title, stdout=log, stderr=log, umask=0)
    try:
        wait_until(lambda: answers(recipe))
        yield
    finally:
        end(server)


def end(server: subprocess.Popen[str]) -> None:
    """With all of its processes; one that has only just started may miss the first signal."""
    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with suppress(AssertionError):
            wait_until(
                lambda: server.poll() is not None and not is_running(server.pid),
                120 if how is signal.SIGKILL else 10,
            )
            return
    raise AssertionError("it does not end")


def answers(recipe: Recipe) -> bool:
    try:
        return requests.get(recipe.url, timeout=60).status_code == 405
    except requests.RequestException:
        return False
