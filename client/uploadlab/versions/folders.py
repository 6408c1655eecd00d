"""Folders of Python packages that a server or a client loads before the lab's own.

Each holds what differs from the environment that it stands before, and nothing else, so it is made in
seconds. Its name is a digest of all that decides what is in it; the next run takes it as it is.

This runs in the servers' images, too, which have Python's own library and none of the lab's packages.
"""

import hashlib
import json
import os
import platform
import shutil
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.versions.pip_runs import run_pip
from uploadlab.versions.requirements import DIRECT
from uploadlab.versions.resolving import (
    Installed,
    are_here,
    complete,
    go_alone,
    installed_packages,
    resolved,
)

CACHE = ROOT / ".venv" / "packages"
LISTING = "installed.json"
"""In each folder, written last."""
KEPT = 30
"""As many folders stay, those that were used last."""
UNFINISHED = "new-"
OLD_SECONDS = 3600.0
"""What an unfinished folder is older than if the command that made it, and its reaper, were killed."""
NO_SOURCE = {".git", ".hg", ".tox", ".venv", "__pycache__", "node_modules", "build", "dist", "target"}
LARGE_BYTES = 1 << 20
"""A larger file of a source folder is known by its size and time, not by its content."""


class PackageFolder(NamedTuple):
    """A folder to put before the lab's own packages."""

    path: Path
    versions: dict[str, str]
    """The packages in it, with their versions: those that differ from the lab's."""

    @property
    def text(self) -> str:
        """What is in it, for people: ``werkzeug 3.0.1, flask 3.0.3``."""
        return ", ".join(map(" ".join, self.versions.items())) or "as in the lock files"


def make_package_folder(
    words: Sequence[str], locks: Sequence[Path], processes: Processes, environment: Path | None = None
) -> PackageFolder:
    """Return a folder with these requirements, and what of the lock files has to change with them.

    ``locks`` are the lock files of what loads it, ``environment`` the folder that has those packages, by
    default this Python's. Raise LabError with pip's reason: then nothing is left.
    """
    folder = CACHE / _digest(words, locks, environment)
    if found := _made(folder):
        return found
    CACHE.mkdir(parents=True, exist_ok=True)
    work = processes.scratch(CACHE, UNFINISHED.rstrip("-"), "check its rights")
    try:
        fresh = work / "packages"
        versions = _install(words, locks, installed_packages(environment), fresh, processes)
        (fresh / LISTING).write_text(json.dumps(versions))
        with suppress(OSError):  # another command has just made the same
            fresh.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _remove_old()
    return _made(folder) or PackageFolder(folder, versions)


def _install(
    words: Sequence[str],
    locks: Sequence[Path],
    here: Mapping[str, Installed],
    fresh: Path,
    processes: Processes,
) -> dict[str, str]:
    """Install into a new folder, and return the versions there; raise LabError with pip's reason.

    Mostly one run of pip is enough: the packages that the user names go with all that is there.
    """
    work = fresh.parent

    def install(sources: Sequence[str]) -> None:
        target = ["--target", str(fresh), "--progress-bar", "off"]
        run_pip(["install", "--no-deps", "--no-compile", *target, *sources], words, work, processes)

    is_here = are_here(words, here)
    if not is_here and go_alone(words, locks, here):
        install(words)
        if (versions := complete(fresh, here)) is not None:
            return versions
        shutil.rmtree(fresh)
    fresh.mkdir()
    wanted = [] if is_here else resolved(words, locks, here, work, processes)
    if wanted:
        install([package.source for package in wanted])
    return {package.name: package.version for package in wanted}


def made_before(
    words: Sequence[str], locks: Sequence[Path], environment: Path | None = None
) -> PackageFolder | None:
    """Return the folder of these requirements if it is there."""
    return _made(CACHE / _digest(words, locks, environment))


def folder_at(path: Path) -> PackageFolder | None:
    """Return the folder of packages that a path is, with what is in it; None if there is none."""
    try:
        return PackageFolder(path, json.loads((path / LISTING).read_text()))
    except OSError:
        return None


def _made(path: Path) -> PackageFolder | None:
    """Return a folder that is there, which counts as used now."""
    if found := folder_at(path):
        with suppress(OSError):  # another command has just removed it
            os.utime(path)
    return found


def _remove_old() -> None:
    """Remove the folders that were used longest ago, and what killed commands have left."""
    found = []
    for folder in CACHE.iterdir():
        with suppress(OSError):
            found.append((folder.stat().st_mtime, folder))
    finished = sorted((item for item in found if not item[1].name.startswith(UNFINISHED)), reverse=True)
    dead = time.time() - OLD_SECONDS
    left = [item for item in found if item[1].name.startswith(UNFINISHED) and item[0] < dead]
    for _, folder in [*finished[KEPT:], *left]:
        shutil.rmtree(folder, ignore_errors=True)


def _digest(words: Sequence[str], locks: Sequence[Path], environment: Path | None) -> str:
    """Return the name of the folder: this Python, what it stands before, the requirements."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    beside = environment or Path(sysconfig.get_path("purelib"))
    for text in sorted(path.name for path in beside.glob("*.dist-info")):
        digest.update(f"{text}\n".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    for word in words:
        digest.update(f"{word}\0".encode())
        for part in _contents(word):
            digest.update(part)
    return digest.hexdigest()[:16]


def _contents(word: str) -> Iterator[bytes]:
    """Yield the content of the wheel or the source folder that a requirement names.

    What is behind another address may change at any time: it is never the same again.
    """
    if not DIRECT.search(word):
        return
    address = urlsplit(word.partition("@")[2].partition(" ;")[0].strip())
    path = Path(unquote(address.path))
    if address.scheme != "file":
        yield os.urandom(16)
    elif path.is_dir():
        for folder, inner, names in os.walk(path):
            inner[:] = sorted(name for name in inner if not _is_made(name))
            for name in sorted(names):
                yield from _of_file(Path(folder, name), path)
    else:
        yield from _of_file(path, path.parent)


def _is_made(name: str) -> bool:
    """Return whether a folder in a source folder is no source."""
    return name in NO_SOURCE or name.endswith(".egg-info")


def _of_file(path: Path, top: Path) -> Iterator[bytes]:
    with suppress(OSError):  # gone meanwhile, or a link to nothing
        yield str(path.relative_to(top)).encode()
        status = path.stat()
        is_large = status.st_size > LARGE_BYTES and path.suffix != ".whl"
        yield f"{status.st_size} {status.st_mtime_ns}".encode() if is_large else path.read_bytes()
