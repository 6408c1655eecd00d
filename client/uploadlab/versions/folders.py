"""Folders of Python packages that a server or the client loads before the lab's own.

Each holds what differs from the environment of this Python, and nothing else, so it is made in seconds. Its
name is a digest of all that decides what is in it; the next run takes it as it is.
"""

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.errors import LabError, UsageError
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.versions.requirements import canonical, named, pins

CACHE = ROOT / ".venv" / "packages"
LISTING = "installed.json"
"""In each folder, written last."""
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


class PackageFolder(NamedTuple):
    """A folder to put before the lab's own packages."""

    path: Path
    versions: dict[str, str]
    """The packages in it, with their versions: those that differ from the lab's."""


class _Wanted(msgspec.Struct):
    """What pip would install, from its report."""

    name: str
    version: str
    source: str
    """What pip installs it from: a requirement, or a path."""


def make_package_folder(words: Sequence[str], locks: Sequence[Path], processes: Processes) -> PackageFolder:
    """Return a folder with these requirements, and what of the lock files has to change with them.

    ``locks`` are the lock files of what loads it. Raise LabError with pip's reason: then nothing is left.
    """
    folder = CACHE / _digest(words, locks)
    if (folder / LISTING).is_file():
        return PackageFolder(
            folder, msgspec.json.decode((folder / LISTING).read_bytes(), type=dict[str, str])
        )
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        wanted = _changed(_resolved(words, locks, fresh, processes))
        if wanted:
            sources = [one.source for one in wanted]
            _pip(["install", "--quiet", "--no-deps", "--target", str(fresh), *sources], words, processes)
        versions = {one.name: one.version for one in wanted}
        (fresh / LISTING).write_bytes(msgspec.json.encode(versions))
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return PackageFolder(folder, versions)


def _resolved(
    words: Sequence[str], locks: Sequence[Path], folder: Path, processes: Processes
) -> list[_Wanted]:
    """Return what pip installs for these words, as near to the lock files as they allow.

    Locked packages that need what is changed in another version are free to change with it.
    """
    locked = pins(locks)
    changed = {canonical(name) for word in words if (name := named(word))}
    kept = {name: pin for name, pin in locked.items() if name not in changed}
    dependents = sorted(_dependents(changed) & kept.keys())
    try:
        return _ask(words, dependents, kept, folder, processes)
    except LabError:
        if not dependents:
            raise
        freed = {name: pin for name, pin in kept.items() if name not in dependents}
        return _ask(words, dependents, freed, folder, processes)


def _ask(
    words: Sequence[str],
    beside: Iterable[str],
    constraints: Mapping[str, str],
    folder: Path,
    processes: Processes,
) -> list[_Wanted]:
    """Return what pip would install; raise LabError with its reason."""
    constraint_file, report = folder / "constraints.txt", folder / "report.json"
    constraint_file.write_text("".join(f"{name}=={pin}\n" for name, pin in constraints.items()))
    options = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
    try:
        _pip([*options, "--constraint", str(constraint_file), *words, *beside], words, processes)
        found = msgspec.json.decode(report.read_bytes())
    finally:
        constraint_file.unlink(missing_ok=True)
        report.unlink(missing_ok=True)
    wanted = []
    for item in found["install"]:
        name, version = canonical(item["metadata"]["name"]), item["metadata"]["version"]
        source = item["download_info"]["url"] if item["is_direct"] else f"{name}=={version}"
        wanted.append(_Wanted(name, version, source))
    return wanted


def _changed(wanted: Iterable[_Wanted]) -> list[_Wanted]:
    """Return what is not in this Python's environment as it is."""
    own = {canonical(found.name): found.version for found in importlib.metadata.distributions()}
    return [one for one in wanted if own.get(one.name) != one.version or "://" in one.source]


def _dependents(changed: Iterable[str]) -> set[str]:
    """Return the installed packages that need one of these, directly or not."""
    needs = {
        canonical(found.name): {canonical(name) for text in found.requires or [] if (name := named(text))}
        for found in importlib.metadata.distributions()
    }
    found: set[str] = set(changed)
    while more := {name for name, needed in needs.items() if needed & found} - found:
        found |= more
    return found - set(changed)


def _digest(words: Sequence[str], locks: Sequence[Path]) -> str:
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    for word in words:
        digest.update(word.encode() + b"\0")
        if os.path.isfile(word):  # noqa: PTH113  false for a word that is no path
            digest.update(Path(word).read_bytes())
    return digest.hexdigest()[:16]


def _pip(arguments: Sequence[str], words: Sequence[str], processes: Processes) -> None:
    """Run pip; raise LabError with its reason."""
    process = processes.start(
        [*PIP, *arguments], os.environ, Path.cwd(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = process.communicate()
    if process.returncode != 0:
        lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
        reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        raise UsageError(f"{','.join(words)}: {(reasons or lines or ['pip failed'])[0]}")
