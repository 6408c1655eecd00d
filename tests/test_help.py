"""What --help, --version and list print, and that the first two need nothing installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uploadlab import __version__
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.clients import CLIENT_METHODS, LAB_METHODS
from uploadlab.commands.help_text import FILE, answered_at_once, help_as_printed
from uploadlab.commands.main import COMMANDS
from uploadlab.declared.links import load_links
from uploadlab.paths import PLANS

from .checkout import copy_checkout
from .helpers import ALL_DEPLOYMENTS, lab


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, without .venv."""
    folder = tmp_path_factory.mktemp("a clone")
    copy_checkout(folder)
    return folder


def typed(clone: Path, *words: str) -> str:
    """What a command prints for a user with nothing but the system's programs."""
    home = clone / "home"
    home.mkdir(exist_ok=True)
    before = set(clone.rglob("*"))
    system = {"HOME": str(home), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        words, cwd=clone, env=system, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr, set(clone.rglob("*")) - before) == (0, "", set()), done.stderr
    return done.stdout


def test_the_committed_text_is_what_the_commands_print() -> None:
    assert FILE.read_text() == help_as_printed()
    assert [line for line in FILE.read_text().splitlines() if len(line) > 80 and line[0] != "#"] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_installed_commands_help_fits_a_terminal(command: str) -> None:
    lines = answered_at_once([command, "--help"], "upload-lab").splitlines()
    assert lines[0].startswith(f"Usage: upload-lab {command} ")
    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) <= 40


@pytest.mark.parametrize("script", ["scripts/lab", "scripts/run-matrix.sh"])
@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_a_fresh_clone_answers_without_an_installation(clone: Path, script: str, option: str) -> None:
    expected = f"{__version__}\n" if option == "--version" else answered_at_once(["--help"])
    assert typed(clone, script, option) == expected
    assert typed(clone, "/bin/sh", "-c", f"cd /; '{clone}/{script}' {option}") == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_help_in_a_fresh_clone(clone: Path, command: str) -> None:
    text = typed(clone, "scripts/lab", command, "--help")
    assert text.startswith(f"Usage: lab {command}")
    assert text == lab(command, "--help", COLUMNS="200").stdout
    assert typed(clone, "scripts/run-matrix.sh", command, "--out", "x", "-h") == text


def test_other_ways_to_ask(clone: Path) -> None:
    assert typed(clone, "scripts/lab", "--plan", "smoke", "--help").startswith("Usage: lab run ")
    assert typed(clone, "scripts/serve.sh", "flask", "--help").startswith("Usage: lab serve ")
    assert typed(clone, "scripts/knobs", "--help").startswith("Usage: lab knobs ")
    assert "usage: install [client | dev]" in typed(clone, "scripts/install", "--help")
    assert (
        typed(clone, "bash", "-c", "set -o pipefail; scripts/lab run --help | head -n 1; :").count("\n") == 1
    )


def test_python_alone_answers_too(clone: Path) -> None:
    python = shutil.which("python3", path=os.defpath) or sys.executable
    whole, version = answered_at_once(["--help"]), f"{__version__}\n"
    module = f"PYTHONPATH=client {python} -S -m uploadlab"  # -S: without any installed package
    assert typed(clone, "sh", "-c", f"{module} --help") == whole
    assert typed(clone, "sh", "-c", f"{module} --version") == version
    assert typed(clone, "sh", "-c", f"{module} check -h").startswith("Usage: lab check")
    uploader = typed(clone, "sh", "-c", f"{python} -S client/uploader.py --help")
    assert uploader.startswith("Usage: uploader.py")
    assert all(name in uploader.replace("-\n                     ", "-") for name in LAB_METHODS)


def test_a_help_that_nobody_can_read_is_one_line() -> None:
    words = [sys.executable, "-m", "uploadlab", "--help"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            words, env={**os.environ, "PYTHONPATH": "client"}, cwd=FILE.parents[3], stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "No space left" in done.stderr


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_lists_fit_the_terminal(columns: int) -> None:
    text = lab("list", COLUMNS=str(columns)).stdout
    assert max(map(len, text.splitlines())) <= columns
    assert [block.splitlines()[0] for block in text.split("\n\n")] == [
        "Deployments:", "Methods:", "Clients:", "Plans:", "Links:", "Cases:", "Client-cases:",
    ]  # fmt: skip
    plans = [path.stem for path in PLANS.glob("*.toml")]
    names = re.findall(r"^  (\S+)", text, re.MULTILINE)
    assert sorted(names) == sorted(
        [*ALL_DEPLOYMENTS, *LAB_METHODS, *CLIENT_METHODS, *plans, *load_links(), *CASES, *CLIENT_CASES]
    )


def test_a_list_that_does_not_exist_is_one_line() -> None:
    done = lab("list", "method")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "did you mean 'methods'? choose from deployments, methods, clients, plans, links, cases"
        in done.stderr
    )
