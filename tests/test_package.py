"""The package as ``pip install .`` has it: in an empty environment, outside of any checkout."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from uploadlab import __version__
from uploadlab.paths import ROOT

from .fake_server import serve
from .helpers import REQUIRED

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


def run(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def upload_lab(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command of the built wheel, with its base dependencies alone."""
    folder = tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "client", folder / "client", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = run(*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", folder, folder=folder)
    if built.returncode:
        why = f"no wheel can be built here: {built.stderr.strip().splitlines()[-1]}"
        pytest.fail(why) if "pypi" in REQUIRED else pytest.skip(why)
    (wheel,) = (folder / "dist").glob("*.whl")
    assert run(sys.executable, "-m", "venv", folder / "venv", folder=folder).returncode == 0
    pip[0] = str(folder / "venv/bin/python")
    installed = run(*pip, "install", wheel, folder=folder)
    assert installed.returncode == 0, installed.stderr
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    return lambda *words: run(folder / "venv/bin/upload-lab", *words, folder=elsewhere)


def test_the_command_says_its_version_and_its_commands(upload_lab: Command) -> None:
    assert upload_lab("--version").stdout == f"{__version__}\n"
    text = upload_lab("--help").stdout
    assert text.startswith("Usage: upload-lab ")
    assert "compare" in text


def test_what_the_package_has_itself_is_listed(upload_lab: Command) -> None:
    assert "request.stream" in upload_lab("list", "methods").stdout
    assert "broken-chunk" in upload_lab("list", "cases").stdout


def test_what_needs_a_checkout_says_so_in_one_line(upload_lab: Command) -> None:
    done = upload_lab("run")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("upload-lab: ")
    assert "checkout" in line


def test_a_server_of_ones_own_is_checked_without_a_checkout(upload_lab: Command) -> None:
    with serve(GET=(200, {"size_bytes": 0, "digest": ""})) as fake:
        done = upload_lab("check", "--target", f"mine={fake.url}", "--cases", "one-byte", "--out", "runs")
    assert done.returncode == 1, done.stderr
    assert "mine answered with success and lost bytes" in done.stdout
    assert "could not be written: jinja2 is not installed: pip install 'upload-lab[lab]'" in done.stdout
    assert "Traceback" not in done.stderr


def test_what_the_extra_brings_is_named_where_it_lacks(upload_lab: Command, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "benchmark/reference/quick", tmp_path / "quick")
    done = upload_lab("report", str(tmp_path / "quick"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "upload-lab: jinja2 is not installed: pip install 'upload-lab[lab]'\n"
