"""The environments of other clients: installed apart, and in an image that only their runs build."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uploadlab.catalogue.clients import CLIENTS
from uploadlab.declared.compose import load_services
from uploadlab.model.order import Kind, Order
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.planning.draft import draft, other_clients

from .helpers import environment

SERVICES = load_services(COMPOSE)
LOCKS = {path.stem: path for path in sorted((ROOT / "client" / "clients").glob("*.txt"))}
BROKEN = "httpx"
"""The lock file that does not install here."""
PIP = f"""#!/bin/sh
case "$*" in
  *" install "*{BROKEN}.txt) echo "$*" >>asked; exit 1 ;;
  *" install "*--target*)
    echo "$*" >>asked
    mkdir -p "$(echo "$*" | sed 's/.*--target \\([^ ]*\\).*/\\1/')"
    ;;
esac
"""
NPM = """#!/bin/sh
echo "$*" >>npm-asked
[ ! -e npm-fails ]
"""
TUS_JS = "tus-js-client"
DOCKER = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
case "$*" in
  version*) echo 20.10 ;;
  "compose version"*) echo 2.26.1 ;;
esac
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose pip notes what it is asked to install, and installs all but one lock file."""
    for folder in ("scripts", "services", "client"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    program(tmp_path / ".venv" / "bin" / "python", PIP)
    program(tmp_path / "bin" / "npm", NPM)
    (tmp_path / ".venv" / "made-for").write_text(f"{tmp_path}\n")
    return tmp_path


def install_clients(checkout: Path) -> tuple[list[str], str]:
    """Which lock files are installed again, and what is printed."""
    asked = checkout / "asked"
    asked.unlink(missing_ok=True)
    done = subprocess.run(
        ["scripts/install", "client", "clients"], cwd=checkout, capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}:/usr/sbin"}, timeout=60,
    )  # fmt: skip
    words = asked.read_text().splitlines() if asked.exists() else []
    return sorted(Path(line).stem for line in words), done.stderr


def test_each_client_has_an_environment_of_its_own(checkout: Path) -> None:
    asked, said = install_clients(checkout)
    assert asked == sorted(LOCKS)
    assert said.count("did not install") == 1
    assert f"client/clients/{BROKEN}.txt did not install" in said
    folder = checkout / ".venv" / "clients"
    assert {path.name for path in folder.iterdir()} == {*LOCKS, TUS_JS} - {BROKEN}
    assert install_clients(checkout)[0] == [BROKEN]
    with (checkout / "client" / "clients" / "requests.txt").open("a") as lock:
        lock.write("# another version\n")
    assert install_clients(checkout)[0] == [BROKEN, "requests"]


def test_an_environment_stays_where_its_next_one_does_not_install(checkout: Path) -> None:
    old = checkout / ".venv" / "clients" / BROKEN / "old"
    program(old, "")
    install_clients(checkout)
    assert old.exists()


def test_npm_installs_its_lock_file_once_and_runs_no_scripts(checkout: Path) -> None:
    (checkout / "npm-fails").touch()
    folder = checkout / ".venv" / "clients" / TUS_JS
    assert f"client/clients/{TUS_JS}/package-lock.json did not install" in install_clients(checkout)[1]
    assert not list(folder.parent.glob(f"{TUS_JS}*"))
    (checkout / "npm-fails").unlink()
    for _ in range(2):
        assert f"{TUS_JS}/package-lock.json did not install" not in install_clients(checkout)[1]
    asked = (checkout / "npm-asked").read_text().splitlines()
    assert len(asked) == 2
    assert all(words.startswith("ci ") and " --ignore-scripts " in words for words in asked)
    assert (folder / "package.json").is_file()


def test_the_lock_file_of_npm_has_a_hash_of_each_package_and_no_address() -> None:
    lock = json.loads((ROOT / "client" / "clients" / TUS_JS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert f"node_modules/{TUS_JS}" in packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_the_service_of_all_clients_differs_from_the_clients_in_what_it_holds() -> None:
    own, every = SERVICES["client"], SERVICES["clients"]
    assert every["profiles"] == ["clients"]  # a plain `docker compose up` does not build it
    differing = {name for name in every if every[name] != own.get(name)}
    assert differing == {"image", "build", "profiles", "pids_limit"}


@pytest.mark.parametrize(
    ("order", "clients"),
    [
        (Order(), []),
        (Order(plan="clients"), list(CLIENTS)),
        (Order(methods=["curl.form", "request.stream"]), ["curl"]),
        (Order(kind=Kind.CHECK, clients=["httpx"]), ["httpx"]),
    ],
)
def test_an_order_names_the_clients_that_it_needs(order: Order, clients: list[str]) -> None:
    assert sorted(other_clients(draft(order))) == sorted(clients)


@pytest.mark.parametrize(("method", "service"), [("request.stream", "client"), ("curl.stream", "clients")])
def test_a_run_in_containers_sends_from_the_service_that_has_its_clients(
    tmp_path: Path, method: str, service: str
) -> None:
    program(tmp_path / "bin" / "docker", DOCKER)
    words = ["run", "--runtime", "docker", "--deployments", "flask", "--methods", method, "--out", "runs"]
    subprocess.run(
        [sys.executable, "-m", "uploadlab", *words], cwd=tmp_path, capture_output=True, check=False,
        env=environment(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"), timeout=120,
    )  # fmt: skip
    asked = (tmp_path / "bin" / "asked").read_text().splitlines()
    (run,) = [line for line in asked if " run --rm " in line]
    assert run.partition(" carry-out ")[0].split()[-1] == service
    assert all(("--profile clients" in line) == (service == "clients") for line in asked if " build" in line)
