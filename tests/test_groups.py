"""Groups of deployments: what a command takes where none is named, and what is built and installed for it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from uploadlab.catalogue.cases import CASES
from uploadlab.declared.compose import load_services
from uploadlab.model.deployments import CORE, GROUPS, REFERENCE
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import MOST_CHECK_CELLS
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.planning.draft import draft

from .helpers import ALL_DEPLOYMENTS, DEPLOYMENTS, lab

SERVICES = load_services(COMPOSE)
ADDED = {name: made for name, made in ALL_DEPLOYMENTS.items() if made.group != CORE}
LIGHT_IMAGES = ["upload-lab-client", "upload-lab-server"]
LIGHT_LOCKS = ["client/requirements.txt", "services/requirements.txt", "services/requirements-uwsgi.txt"]
LIGHT_PACKAGES = [
    "bidict", "blinker", "brotli", "certifi", "cffi", "charset-normalizer", "click", "colorama",
    "configargparse", "flask", "flask-cors", "flask-login", "gevent", "geventhttpclient", "greenlet",
    "gunicorn", "h11", "idna", "iniconfig", "itsdangerous", "jinja2", "locust", "markdown-it-py",
    "markupsafe", "mdurl", "msgpack", "msgspec", "multipart", "numpy", "packaging", "pluggy", "psutil",
    "pycparser", "pygments", "pyinstrument", "pytest", "python-engineio", "python-socketio", "pywin32",
    "pyyaml", "pyzmq", "requests", "requests-toolbelt", "rich", "simple-websocket", "typing-extensions",
    "urllib3", "uwsgi", "websocket-client", "werkzeug", "wsproto", "xxhash", "zope-event",
    "zope-interface",
]  # fmt: skip
"""What a plain run needs; nothing of the other groups."""


def image(service: str) -> str:
    return str(SERVICES[service]["image"]).partition(":")[0]


def test_a_plain_up_builds_two_images() -> None:
    plain = [name for name, content in SERVICES.items() if not content.get("profiles")]
    built = [name for name in plain if "build" in SERVICES[name]]
    assert sorted(map(image, built)) == LIGHT_IMAGES
    used = {SERVICES[name]["image"] for name in plain}
    assert used - {f"{name}:${{LAB_IMAGE_TAG:-latest}}" for name in LIGHT_IMAGES} == {
        "${NGINX_IMAGE:-nginx:1.28}"
    }


@pytest.mark.parametrize("group", GROUPS[1:])
def test_a_group_has_a_profile_and_one_image(group: str) -> None:
    names = [name for name, content in SERVICES.items() if content.get("profiles") == [group]]
    assert {image(name) for name in names} == {f"upload-lab-{group}"}
    assert [name for name in names if "build" in SERVICES[name]] == [f"{group}-image"]
    assert {name for name, made in ADDED.items() if made.group == group} == set(names) - {f"{group}-image"}


def test_the_client_waits_for_each_deployment_that_is_up() -> None:
    awaited = SERVICES["client"]["depends_on"]
    assert set(awaited) == set(ALL_DEPLOYMENTS)
    assert {name for name, how in awaited.items() if how.get("required") is False} == set(ADDED)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python notes what it is asked to install, and installs nothing."""
    root = tmp_path / "checkout"
    for folder in ("scripts", "services", "client"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncase "$*" in *" install "*) echo "$*" >>{tmp_path}/asked ;; esac\n')
    python.chmod(0o755)
    (root / ".venv" / "made-for").write_text(f"{root}\n")
    return root


def installed(checkout: Path, *words: str) -> list[str]:
    """The lock files that ``scripts/install`` installs."""
    command = [str(checkout / "scripts" / "install"), *words]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    subprocess.run(command, cwd=checkout, env=environment, capture_output=True, check=True, timeout=60)
    asked = (checkout.parent / "asked").read_text().splitlines()
    return [line.rpartition(" -r ")[2] for line in asked]


def packages(lock: Path) -> set[str]:
    return {line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line.split(" ")[0]}


def test_a_plain_run_installs_what_it_always_did(checkout: Path) -> None:
    assert installed(checkout) == LIGHT_LOCKS
    found = {name for lock in LIGHT_LOCKS for name in packages(ROOT / lock)}
    assert sorted(found) == LIGHT_PACKAGES


@pytest.mark.parametrize("group", GROUPS[1:])
def test_a_group_is_installed_when_it_is_asked_for(checkout: Path, group: str) -> None:
    locks = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "services" / group).glob("*.txt"))
    assert installed(checkout, group) == [*LIGHT_LOCKS, *locks]


def test_a_command_takes_the_core_by_default() -> None:
    assert [made.name for made in draft(Order()).deployments] == list(DEPLOYMENTS)
    assert [target.name for target in draft(Order(kind=Kind.CHECK)).targets] == list(DEPLOYMENTS)


@pytest.mark.parametrize(
    ("order", "groups"),
    [
        (Order(kind=Kind.CHECK, group=["servers"]), ["servers"]),
        (Order(kind=Kind.CHECK, group=["fronts", "core"]), ["core", "fronts"]),
        (Order(kind=Kind.CHECK, group=["all"]), list(GROUPS)),
        (Order(group=["servers"]), ["servers", REFERENCE]),
    ],
)
def test_a_command_takes_the_groups_that_are_named(order: Order, groups: list[str]) -> None:
    wanted = [name for name, made in ALL_DEPLOYMENTS.items() if {made.group, made.tier} & set(groups)]
    assert [target.name for target in draft(order).targets] == wanted


def test_a_deployment_that_is_named_may_be_of_any_group() -> None:
    found = draft(Order(kind=Kind.CHECK, deployments=["waitress", "flask"])).targets
    assert [target.name for target in found] == ["flask", "waitress"]
    found = draft(Order(kind=Kind.CHECK, deployments=["*", "waitress"])).targets
    assert [target.name for target in found if target.name in ADDED] == ["waitress"]


def test_a_group_that_is_none_is_told() -> None:
    done = lab("check", "--group", "server")
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "unknown group 'server': did you mean 'servers'? choose from core, servers, fronts"
    )


def test_the_clients_container_reads_the_groups_from_its_environment() -> None:
    assert SERVICES["client"]["environment"]["LAB_GROUPS"] == "${LAB_GROUPS:-}"
    assert (
        lab("check", "--cases", "none-such", LAB_GROUPS="nothing").stderr.count("unknown group 'nothing'")
        == 1
    )


def test_nothing_that_a_deployment_needs_may_be_missing_where_all_is_required() -> None:
    required = (ROOT / ".ci" / "run").read_text().replace("\n", ",").replace("=", ",").split(",")
    assert {need for made in ALL_DEPLOYMENTS.values() for need in made.needs} <= set(required)


def test_a_check_of_everything_is_no_damaged_file() -> None:
    assert 2 * len(ALL_DEPLOYMENTS) * len(CASES) <= MOST_CHECK_CELLS
