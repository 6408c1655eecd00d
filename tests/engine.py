"""What the tests on a real engine share."""

import re
import shutil
import subprocess
from pathlib import Path

from uploadlab.paths import ROOT
from uploadlab.store import RunFolder


def docker(*words: str) -> str:
    """What a docker command says."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=60).stdout


def checkout(folder: Path) -> None:
    """What a clone of this checkout has, with whatever is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in [*filter(None, listed.stdout.split("\0")), ".env"]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def oldest_run(root: Path) -> RunFolder:
    return RunFolder(min((root / "benchmark" / "runs").iterdir()))


def projects() -> set[str]:
    """Projects of run-matrix.sh that the engine has something of, images included."""
    label = '{{.Label "com.docker.compose.project"}}'
    found = docker("ps", "-a", "--format", label) + docker("network", "ls", "--format", label)
    found += docker("volume", "ls", "--format", label)
    found += docker("images", "--format", "upload-lab-{{.Tag}}")
    return set(re.findall(r"^upload-lab-[0-9a-f]{8}$", found, re.M))
