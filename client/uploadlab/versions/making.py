"""Makes several folders of packages at once, since pip mostly waits, and shows that it does."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from uploadlab.errors import LabError
from uploadlab.processes.groups import Processes
from uploadlab.versions.folders import PackageFolder, made_before, make_package_folder
from uploadlab.versions.requirements import canonical, package_of

AT_ONCE = 2
COMPILES = "uwsgi"
"""The package that has no wheel."""


class WantedFolder(NamedTuple):
    """What ``make_package_folder`` makes a folder from."""

    words: tuple[str, ...]
    locks: tuple[Path, ...]
    environment: Path | None = None


class FolderMaker(NamedTuple):
    """Makes folders, and reports to the user."""

    processes: Processes
    note: Callable[[str], object]
    waiting: Callable[[str], AbstractContextManager[None]]
    """Shows how long something takes."""

    def made(self, wanted: Iterable[WantedFolder]) -> dict[WantedFolder, PackageFolder | LabError]:
        """Return the folders, or pip's reasons why there is none."""
        distinct = list(dict.fromkeys(wanted))
        found: dict[WantedFolder, PackageFolder | LabError] = {}
        for want in distinct:
            if before := made_before(want.words, want.locks, want.environment):
                found[want] = before
        if missing := [want for want in distinct if want not in found]:
            with self.waiting(_what(missing)):
                found |= self._made_now(missing)
        return found

    def _made_now(self, missing: list[WantedFolder]) -> dict[WantedFolder, PackageFolder | LabError]:
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            return dict(zip(missing, pool.map(self._one, missing), strict=True))
        except BaseException:  # stopped by the user: what runs ends with the lab's processes
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    def _one(self, want: WantedFolder) -> PackageFolder | LabError:
        try:
            return make_package_folder(want.words, want.locks, self.processes, want.environment)
        except LabError as error:
            return error


def _what(missing: list[WantedFolder]) -> str:
    """Return what is installed, for the user who waits for it."""
    words = list(dict.fromkeys(word for want in missing for word in want.words))
    compiles = any(canonical(package_of(word)) == COMPILES for word in words)
    return f"Installing {', '.join(words)}{', which compiles for about a minute' if compiles else ''}"
