"""``compare``, ``ablate`` and ``diff`` as a user meets them, with real servers."""

import re
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
import requests
from uploadlab.commands import main
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.runs import Host, Run
from uploadlab.paths import REFERENCE
from uploadlab.sending.client import Client
from uploadlab.storage.run_folder import RunFolder

from .checkout import copy_checkout
from .helpers import RUN, lab, measured, need
from .test_check_grid import only_run

BYTEWISE = "configs/uwsgi/uwsgi-post-buffering-1.ini"
"""Reads each body byte by byte; compose.yaml does not name it."""
SMALL = ("--methods", "request.stream", "--sizes", "64KiB", "--rounds", "6")
LOCAL = ("--runtime", "local")


def set_clock(patch: pytest.MonkeyPatch, seconds: dict[str, float]) -> None:
    """Have every upload arrive as it does, and take what its deployment has here."""
    measure = Client.measure

    def timed(client: Client, url: str, *words: Any) -> Outcome:
        outcome = measure(client, url, *words)
        name = requests.get(f"{url}/healthz", timeout=60).json()["deployment"]
        return msgspec.structs.replace(outcome, seconds=seconds[name])

    patch.setattr(Client, "measure", timed)


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_a_config_that_no_service_names_is_found_to_be_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need("uwsgi")
    base, other = "uwsgi-buffering", Path(BYTEWISE).stem
    set_clock(monkeypatch, {base: 1.0, f"{base}-again": 1.0, other: 2.0})
    monkeypatch.setenv("COLUMNS", "120")
    words = ("compare", base, BYTEWISE, *SMALL, *LOCAL, "--fail-above", "50%")
    code = main.lab.main([*words, "--out", str(tmp_path)], prog_name="lab", standalone_mode=False)
    said = capsys.readouterr()
    assert code == 1, said
    assert re.search(r"^Slower +uwsgi-post-buffering-1: request.stream 0\.50x ", said.out, re.MULTILINE)
    assert "uwsgi-post-buffering-1: - " in said.out.partition("Settings ")[2]
    text = lab("report", "last", "--out", tmp_path, "--format", "md").stdout
    assert "\n- post-buffering = 1048576\n+ post-buffering = 1\n" in text
    assert "Fails --fail-above 50%: uwsgi-post-buffering-1 request.stream: takes 100% longer" in said.err
    assert BYTEWISE in only_run(tmp_path).read_run().configs
    assert {row.status for row in only_run(tmp_path).read_measurements()} == {Status.OK}
    again = lab("resume", "last", *LOCAL, "--out", tmp_path)
    assert again.returncode == 1, again.stderr  # a resumed run keeps all of its order


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_an_ablation_shows_what_is_lost_without_a_setting(tmp_path: Path) -> None:
    need("uwsgi")
    words = ("ablate", "configs/uwsgi/uwsgi-chunked.ini", *LOCAL, "--out", tmp_path)
    done = lab(*words, "--methods", "request.stream-chunked", "--sizes", "1MiB", "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "settings of uwsgi-chunked make a difference" in done.stdout
    first = next(line for line in done.stdout.splitlines() if line.startswith("Breaks "))
    assert "without module = " in first
    assert "(refused: 411)" in done.stdout
    run = only_run(tmp_path).read_run()
    assert {target.tier for target in run.targets} == {"tuned", "config"}


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_a_config_by_its_name_is_a_deployment_in_any_run(tmp_path: Path) -> None:
    need("uwsgi")
    words = ("--deployments", Path(BYTEWISE).stem, *SMALL, *LOCAL, "--out", tmp_path)
    done = lab(*words, "--plan", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = only_run(tmp_path).read_measurements()
    assert {row.status for row in rows if row.deployment == Path(BYTEWISE).stem} == {Status.OK}


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_a_config_by_its_name_can_be_checked_and_has_to_hold(tmp_path: Path) -> None:
    need("uwsgi")
    words = ("check", "--deployments", "uwsgi-http-router", "--cases", "chunked", *LOCAL, "--out", tmp_path)
    done = lab(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "uwsgi-http-router failed 1 of 1 case" in done.stdout
    assert "uwsgi-http-router answered with success and lost bytes" in done.stdout


def test_a_config_takes_no_services_place(tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    inis = tmp_path / "configs" / "uwsgi"
    (inis / "viewer.ini").write_text((inis / "uwsgi-default.ini").read_text())
    done = lab("compare", "uwsgi-default", "viewer", PYTHONPATH=str(tmp_path / "client"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "viewer is a service of compose.yaml: rename the config of that name" in done.stderr


def stored(folder: Path, factor: float, cpu: str = "a", **changed: object) -> str:
    """A run whose uploads took so much longer than a second; its references did not."""
    run: Run = msgspec.structs.replace(RUN, id=folder.name, host=Host(cpu, 1, 1, "", ""), **changed)
    folder.mkdir(parents=True)
    one = RunFolder(folder)
    one.write_run(run)
    for number in range(1, 6):
        for name, seconds in (("flask", factor), ("raw-sink", 0.5)):
            one.append(measured(name, seconds=seconds * (1 + number / 100), round=number))
    return str(folder)


def test_two_stored_runs_are_compared(tmp_path: Path) -> None:
    before = stored(tmp_path / "before", 1, configs={"a.ini": "x = 1\ny = 1\n"})
    after = stored(tmp_path / "after", 1.2, configs={"a.ini": "x = 1\ny = 2\n"})
    done = lab("diff", before, after, "--fail-above", "25%")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Slower +flask: request\.stream 0\.83x \[", done.stdout, re.MULTILINE)
    assert re.search(r"^Changed +a\.ini: - y = 1 and \+ y = 2$", done.stdout, re.MULTILINE)
    assert "slower 0.83x" not in done.stdout
    tables = lab("diff", before, after, "--tables").stdout
    assert "slower 0.83x" in tables
    assert "a.ini, differences from before:\n  - y = 1\n  + y = 2\n" in tables
    assert lab("diff", before, after, "--fail-above", "15%").returncode == 1
    assert lab("diff", after, before, "--fail-above", "15%").returncode == 0


def test_runs_of_different_hosts_are_compared_by_force_only(tmp_path: Path) -> None:
    before, after = stored(tmp_path / "before", 1), stored(tmp_path / "after", 1, cpu="b")
    done = lab("diff", before, after)
    assert (done.returncode, done.stdout) == (1, "")
    assert "before and after are of different hosts (cpu)" in done.stderr
    forced = lab("diff", before, after, "--force")
    assert forced.returncode == 0
    assert "Forced: before and after are of different hosts (cpu)" in forced.stderr
    other = stored(tmp_path / "other", 1, runtime="docker")
    assert "before is of runtime local, other of docker" in lab("diff", before, other).stderr


def test_runs_with_nothing_in_common_are_not_compared(tmp_path: Path) -> None:
    one = stored(tmp_path / "one", 1)
    other = tmp_path / "other"
    copytree(one, other)
    (other / "measurements.jsonl").unlink()
    assert "no cell in common" in lab("diff", one, other).stderr


def test_a_run_compared_with_itself_shows_no_difference() -> None:
    done = lab("diff", REFERENCE / "quick", REFERENCE / "quick")
    assert done.returncode == 0
    assert "No difference" in done.stdout
    assert "Faster" not in done.stdout and "Slower" not in done.stdout
