"""What the tests on a real engine share."""

import re
import subprocess
from pathlib import Path

from uploadlab.storage.run_folder import RunFolder


def docker(*words: str) -> str:
    """What a docker command says."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=600).stdout


def oldest_run(root: Path) -> RunFolder:
    return RunFolder(min((root / "benchmark" / "runs").iterdir()))


def projects() -> set[str]:
    """Projects of run-matrix.sh that the engine has something of, images included."""
    label = '{{.Label "com.docker.compose.project"}}'
    found = docker("ps", "-a", "--format", label) + docker("network", "ls", "--format", label)
    found += docker("volume", "ls", "--format", label)
    found += docker("images", "--format", "upload-lab-{{.Tag}}")
    return set(re.findall(r"^upload-lab-[0-9a-f]{8}$", found, re.M))
