"""A checkout of its own for a test: what it writes to benchmark/, configs/ and the code is nobody else's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from uploadlab.paths import ROOT

WITH_EACH_RUN = re.compile(r"(title: nginx, WebDAV\n +tier: )reference")
CEILING = "raw-sink"
"""The only deployment that runs along, whatever is chosen, in a checkout of one ceiling."""


def leave_one_ceiling(folder: Path) -> None:
    """Have its runs start one server beside what they name, not nginx and uWSGI too: a fourth of the work."""
    compose = folder / "compose.yaml"
    text, count = WITH_EACH_RUN.subn(r"\1stock", compose.read_text())
    assert count == 1
    compose.write_text(text)


def copy_checkout(folder: Path) -> None:
    """What a clone of this checkout has, with whatever is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in [*filter(None, listed.stdout.split("\0")), ".env", ".pip.conf"]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def checkout(folder: Path) -> Path:
    """The same, set up: its commands run as the docs have them, and install nothing."""
    copy_checkout(folder)
    for compiled in [*ROOT.glob("client/**/*.pyc"), *ROOT.glob("services/**/*.pyc")]:  # or each command would
        copied = folder / compiled.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(compiled, copied)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # so that no repository is around it
    _borrow_environment(folder)
    return folder


def _borrow_environment(folder: Path) -> None:
    """The running interpreter's packages and programs, as a virtual environment of that checkout.

    All that its lock files list is taken for installed, or ./scripts/install would put the rest into what is
    borrowed here.
    """
    venv = folder / ".venv"
    venv.mkdir()
    for name in ("bin", "clients", "include", "lib", "lib64"):
        if (Path(sys.prefix) / name).exists():
            (venv / name).symlink_to(Path(sys.prefix) / name)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
    (venv / "made-for").write_text(f"{folder}\n")
    groups = [path for name in ("servers", "fronts") for path in folder.glob(f"services/{name}/*.txt")]
    for path in [*folder.glob("*/requirements*.txt"), *groups]:
        shutil.copy(path, venv / f"{str(path.relative_to(folder)).replace('/', '-')}.stamp")
