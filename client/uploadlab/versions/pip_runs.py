"""Runs pip, which alone decides what is installed. Needs Python's own library alone: see folders.py."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from uploadlab.errors import LabError, UsageError
from uploadlab.processes.groups import Processes
from uploadlab.versions.reasons import is_conflict, reason_of_pip

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-color", "--no-input"]
MOST_SECONDS = 600.0
"""uWSGI compiles for a minute, on a busy machine for several."""
ALWAYS = {"PIP_USER": "0", "PIP_REQUIRE_HASHES": "0", "PIP_ROOT_USER_ACTION": "ignore", "PIP_RETRIES": "2"}
"""Of the user's settings, what would keep pip from installing into a folder, or from ever ending."""


class PipConflict(UsageError):
    """No versions go together; ``said`` is all that pip printed."""

    def __init__(self, text: str, said: str) -> None:
        super().__init__(text)
        self.said = said


def run_pip(arguments: Sequence[str], words: Sequence[str], work: Path, processes: Processes) -> str:
    """Run pip and return what it printed; raise LabError with its reason.

    ``words`` is what the user asked for. What pip writes meanwhile is in ``work``.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        status, said = processes.run(
            [*PIP, *arguments], {**environment, **ALWAYS, "TMPDIR": str(work)}, Path.cwd(), MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise LabError(
            f"{','.join(words)}: pip was not done after {MOST_SECONDS:g} s; type it again"
        ) from None
    if status == 0:
        return said
    if "No module named pip" in said:
        raise LabError(f"{sys.executable} has no pip, which installs other versions: -m ensurepip adds it")
    if is_conflict(said):
        raise PipConflict(reason_of_pip(said, words), said)
    raise UsageError(reason_of_pip(said, words))
