"""The clients of docs/recipes in a folder of their own, and what they say."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from uploadlab.paths import RECIPES

CLIENTS = ["upload.py", "upload_form.py"]


class Folder:
    """A copy of the clients, with shorter pauses, where they work."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in CLIENTS:
            text = (RECIPES / name).read_text().replace("(1, 2, 4)", "(0.1, 0.1, 0.1)")
            (path / name).write_text(text)

    def run(
        self, words: Sequence[str | bytes], shell: str = '"$@"', **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """A client by bash, which may add pipes and the like to ``"$@"``; it ends by itself."""
        environment = {**os.environ, **more.pop("env", {})}
        command = ["bash", "-o", "pipefail", "-c", shell, "bash", sys.executable, *words]
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, errors="replace",
            timeout=300, check=False, **more,
        )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on standard error, and the exit code of a failure."""
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("not uploaded: ")
    assert [word for word in words if word not in line] == []


def stored(done: subprocess.CompletedProcess[str], name: str, size_bytes: int) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(f"{re.escape(name)}: {size_bytes} bytes stored as \\w+\n", done.stdout)
