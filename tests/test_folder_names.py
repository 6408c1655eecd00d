"""A checkout in a folder whose name has spaces, and letters beyond ASCII: every server starts there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .checkout import checkout
from .helpers import DEPLOYMENTS, need

pytestmark = pytest.mark.slow

NAMES = [name for name, deployment in DEPLOYMENTS.items() if "uwsgi" in deployment.needs]


def test_servers_start_in_a_checkout_whose_path_is_not_ascii(tmp_path: Path) -> None:
    need("nginx", "uwsgi")
    folder = tmp_path / "ein Ordner für Übungen 文件"
    folder.mkdir()
    checkout(folder)
    programs = folder / ".venv" / "bin"
    programs.unlink()
    programs.mkdir()
    for path in (Path(sys.prefix) / "bin").iterdir():
        if path.name == "uwsgi":  # it looks for its packages beside the file that it is
            shutil.copy(path, programs)
        else:
            (programs / path.name).symlink_to(path)
    words = ["check", "--cases", "one-byte", "--runtime", "local", "--deployments", ",".join(NAMES)]
    done = subprocess.run(
        [programs / "python", "-m", "uploadlab", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "client"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unavailable" not in done.stdout, done.stdout
