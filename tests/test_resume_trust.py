"""``resume`` starts nothing that a run folder says: all comes from this checkout, or the run is refused."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.measuring.prepare import prepare
from uploadlab.model.order import Kind, Order
from uploadlab.planning.draft import draft
from uploadlab.planning.stored import restored
from uploadlab.storage.files import RUN_FILE
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab, measured

BASE = "gunicorn"
COMPARE = Order(
    kind=Kind.COMPARE, configs=[BASE, "flask"], methods=["request.stream"], sizes=["1KiB"], rounds=1
)
ABLATE = msgspec.structs.replace(COMPARE, kind=Kind.ABLATE, configs=["gunicorn-gthread"])
PLAIN = Order(plan="smoke", deployments=[BASE], methods=["request.stream"], sizes=["1KiB"], rounds=1)
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$0.log"
case "$*" in version*) echo 99;; *--short) echo 9.9;; *) exit 1;; esac
"""


def stored(tmp_path: Path, order: Order, runtime: str = "local") -> Path:
    """A run of this host that was stopped after its first upload."""
    (tmp_path / "data").mkdir()
    prepared = prepare(draft(order), RunFolder.create(tmp_path / "out", "r"), tmp_path / "data", runtime)
    prepared.folder.append(measured(prepared.run.targets[0].name, size_bytes=1024))
    return prepared.folder.path


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    run = json.loads((path / RUN_FILE).read_text())
    change(run)
    (path / RUN_FILE).write_text(json.dumps(run))


def resumed(path: Path, tmp_path: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return lab("resume", path, "--data-dir", tmp_path / "data", *words, **more)


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert (done.returncode, done.stdout) == (1, ""), done
    (line,) = done.stderr.splitlines()
    assert [words for words in said if words not in line] == []


BY_CONFIG = "uwsgi-post-buffering-1"
ORDERS = [
    PLAIN,
    COMPARE,
    ABLATE,
    msgspec.structs.replace(COMPARE, configs=["uwsgi-buffering", f"configs/uwsgi/{BY_CONFIG}.ini"]),
    msgspec.structs.replace(PLAIN, deployments=[BY_CONFIG]),
    Order(kind=Kind.CHECK, deployments=[BY_CONFIG, BASE], cases=["one-byte"]),
]


@pytest.mark.parametrize("order", ORDERS)
def test_what_a_run_started_is_made_again(tmp_path: Path, order: Order) -> None:
    drafted = draft(order)
    again = restored(RunFolder(stored(tmp_path, order)).read_run())
    assert again.texts == drafted.texts
    before = {made.name: [service.command for service in made.services] for made in drafted.deployments}
    assert {made.name: [service.command for service in made.services] for made in again.deployments} == before


def test_a_run_of_knobs_cannot_go_on(tmp_path: Path) -> None:
    path = stored(tmp_path, COMPARE)
    edited(path, lambda run: run.update(kind="knobs", order={"kind": "knobs"}))
    refused(resumed(path, tmp_path), "lab knobs")


def touching(path: Path) -> list[str]:
    return ["sh", "-c", f"touch {path}; exec sleep 60"]


def other_command(run: dict[str, Any], marker: Path) -> None:
    run["derived"][0]["services"][0]["command"] = touching(marker)


def other_environment(run: dict[str, Any], marker: Path) -> None:
    run["derived"][0]["services"][0]["environment"]["PYTHONSTARTUP"] = str(marker)


def other_service(run: dict[str, Any], marker: Path) -> None:
    run["derived"][0]["services"].append({"name": "more", "command": touching(marker)})


def declared_name(run: dict[str, Any], marker: Path) -> None:
    made = run["derived"][0]
    run["derived"].append({**made, "name": BASE, "services": [{"name": BASE, "command": touching(marker)}]})


def unknown_base(run: dict[str, Any], marker: Path) -> None:
    run["derived"][0]["based_on"] = "nowhere"
    run["derived"][0]["name"] = run["targets"][1]["name"] = "new"
    other_command(run, marker)


def no_order(run: dict[str, Any], marker: Path) -> None:
    del run["order"]
    other_command(run, marker)


CHANGES = [other_command, other_environment, other_service, declared_name, unknown_base, no_order]


@pytest.mark.parametrize("change", CHANGES)
def test_a_stored_deployment_that_this_checkout_does_not_make_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any], Path], None]
) -> None:
    path, marker = stored(tmp_path, COMPARE), tmp_path / "marker"
    edited(path, lambda run: change(run, marker))
    refused(resumed(path, tmp_path), "start a new run")
    assert not marker.exists()


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_refused_before_any_container_is_started(
    tmp_path: Path, change: Callable[[dict[str, Any], Path], None]
) -> None:
    path = stored(tmp_path, COMPARE, "docker")
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    edited(path, lambda run: change(run, tmp_path / "marker"))
    refused(lab("resume", path, PATH=f"{docker.parent}:{os.environ['PATH']}"), "start a new run")
    assert not Path(f"{docker}.log").exists()
    assert not (path / "compose.override.yaml").exists()


def test_a_config_in_the_runs_folder_takes_the_place_of_none(tmp_path: Path) -> None:
    path, marker = stored(tmp_path, PLAIN), tmp_path / "marker"
    config = path / "configs" / BASE / "gunicorn.conf.py"
    config.parent.mkdir(parents=True)
    config.write_text(f"open({str(marker)!r}, 'w')\n")
    edited(path, lambda run: run["configs"].update({"configs/gunicorn/gunicorn.conf.py": config.read_text()}))
    refused(resumed(path, tmp_path), "another configs/gunicorn/gunicorn.conf.py")
    assert not marker.exists()


def test_the_config_of_an_ablation_is_made_again(tmp_path: Path) -> None:
    path, marker = stored(tmp_path, ABLATE), tmp_path / "marker"
    made = sorted((path / "configs" / "gunicorn").iterdir())
    before = [config.read_text() for config in made]
    made[0].write_text(f"open({str(marker)!r}, 'w')\n")
    done = resumed(path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [config.read_text() for config in made] == before
    assert not marker.exists()
    name = str(made[0].relative_to(path))
    edited(path, lambda run: run["configs"].update({name: f"open({str(marker)!r}, 'w')\n"}))
    refused(resumed(path, tmp_path), f"another {name}")


@pytest.mark.parametrize(
    "word", ["configs/../{}/configs/gunicorn/evil.conf.py", "{}/configs/gunicorn/evil.conf.py"]
)
def test_an_order_names_no_config_outside_of_the_checkout(tmp_path: Path, word: str) -> None:
    path, marker = stored(tmp_path, COMPARE), tmp_path / "marker"
    config = path / "configs" / "gunicorn" / "evil.conf.py"
    config.parent.mkdir(parents=True)
    config.write_text(f'bind = "$BIND"; BIND = open({str(marker)!r}, "w")\n')
    where = os.path.relpath(path, Path(__file__).parents[1])
    evil = word.format(where if word.startswith("configs") else path)

    def change(run: dict[str, Any]) -> None:
        run["order"]["configs"] = [BASE, evil]
        run["targets"][2]["name"] = "evil"
        run["cells"] = run["cells"][:1]
        made = {**run["derived"][0], "name": "evil"}
        services = [{**made["services"][0], "name": "evil", "command": ["gunicorn", "--config", evil]}]
        run["derived"].append({**made, "services": services})

    edited(path, change)
    refused(resumed(path, tmp_path), "start a new run")
    assert not marker.exists()


NAMES = [[], [BASE, "configs/gunicorn/\0.conf.py"], [BASE, "a" * 5000], [BASE, "a\0b"], [BASE, "configs"]]


@pytest.mark.parametrize("kind", ["compare", "ablate"])
@pytest.mark.parametrize("names", NAMES)
def test_an_order_names_what_is_no_name_of_a_file(tmp_path: Path, kind: str, names: list[str]) -> None:
    path = stored(tmp_path, COMPARE)
    edited(path, lambda run: run["order"].update(kind=kind, configs=names))
    refused(resumed(path, tmp_path), "cannot be made again")


def test_a_link_in_the_place_of_locusts_log_is_not_followed(tmp_path: Path) -> None:
    path, marker = stored(tmp_path, PLAIN), tmp_path / "marker"
    (path / "logs").mkdir()
    (path / "logs" / "locust.log").symlink_to(marker)
    done = resumed(path, tmp_path, "--load")
    assert (done.returncode, "locust.log: a link stands" in done.stderr) == (1, True), done.stderr
    assert not marker.exists()


CELLS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda run: run["cells"][0][0].update(deployment="nowhere"), "nowhere/request.stream/1024"),
    (lambda run: run["cells"][0][0].update(method="nothing"), "nothing"),
    (lambda run: run["cells"][0][0].update(size_bytes=0), "/0"),
    (lambda run: run["cells"][0][0].update(size_bytes=1 << 61), "free, this run needs"),
    (lambda run: run["cells"][0].__setitem__(1, 10**12), "run.json is damaged"),
    (lambda run: run["targets"].append(run["targets"][0]), "twice"),
    (lambda run: run["targets"][0].update(tier="target", url="http://127.0.0.1:9"), "of compose.yaml"),
    (
        lambda run: run["targets"].append({"name": "x", "url": "file:///etc/passwd", "tier": "target"}),
        "http://",
    ),
    (lambda run: run.update(runtime="nonsense"), "runtime 'nonsense'"),
]


@pytest.mark.parametrize(("change", "said"), CELLS)
def test_what_a_run_plans_must_be_what_this_lab_can_measure(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = stored(tmp_path, PLAIN)
    edited(path, change)
    refused(resumed(path, tmp_path), said)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of another user")
@pytest.mark.parametrize("whose", [".", RUN_FILE])
def test_a_run_of_another_user_is_resumed_only_where_it_is_trusted(tmp_path: Path, whose: str) -> None:
    path = stored(tmp_path, PLAIN)
    os.chown(path / whose, 54321, 54321)
    refused(resumed(path, tmp_path), "uid 54321", "resume only your own runs", f"resume {path} --trust")
    commands: list[list[str | Path]] = [
        ["report", path],
        ["show", path, f"{BASE}/request.stream/1024"],
        ["diff", path, path],
    ]
    for words in commands:
        assert lab(*words).returncode == 0
    done = resumed(path, tmp_path, "--trust")
    assert done.returncode == 0, done.stderr


def test_a_run_of_another_host_is_resumed_only_where_it_is_trusted_and_says_so(tmp_path: Path) -> None:
    path = stored(tmp_path, PLAIN)
    edited(path, lambda run: run["host"].update(cpu="another"))
    refused(resumed(path, tmp_path), "another host (cpu differ)", "resume only your own runs", "--trust")
    done = resumed(path, tmp_path, "--trust")
    assert done.returncode == 0, done.stderr
    assert "Gone on with on another host" in done.stderr
    assert "Gone on with on another host" in lab("report", path, "--format", "md").stdout
    assert resumed(path, tmp_path).returncode == 0
