"""One module opens the files of run folders: it follows no link, waits for no pipe, and no name leads out."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from uploadlab.declared.goals import Goals
from uploadlab.errors import LabError
from uploadlab.model.cells import Cell
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Profiled, Status
from uploadlab.model.order import Order
from uploadlab.paths import ROOT
from uploadlab.presenting import report
from uploadlab.storage.files import (
    CHECKS,
    LOAD_STEPS,
    LOAD_UPLOADS,
    MEASUREMENTS,
    PROFILED,
    REPORT,
    RUN_FILE,
    SUMMARY,
)
from uploadlab.storage.run_folder import RunFolder

from .checkout import copy_checkout
from .helpers import RUN, lab, measured
from .report_runs import loaded_run

CELL = Cell("flask", "request.stream", 1)
STEP = LoadStep(step_id="s", started_at="", status=Status.OK)
WRITES: dict[str, tuple[str, Callable[[RunFolder], object]]] = {
    "a measurement": (MEASUREMENTS, lambda run: run.append(measured("flask"))),
    "a profile's row": (PROFILED, lambda run: run.append_profile(Profiled("a/b/1", "calls", None, []))),
    "checks": (CHECKS, lambda run: run.append_checks([])),
    "a step": (LOAD_STEPS, lambda run: run.append_step(STEP, [])),
    "uploads": (LOAD_UPLOADS, lambda run: run.append_uploads([])),
    "a report": (REPORT, lambda run: run.write_report("new")),
    "a summary": (SUMMARY, lambda run: run.write_summary(b"new")),
    "run.json": (RUN_FILE, lambda run: run.write_run(RUN)),
    "an order": ("order.json", lambda run: run.write_order(Order())),
    "a config": ("configs/a.ini", lambda run: run.keep_configs({"configs/a.ini": "new"})),
    "a log": ("logs/a.log", lambda run: run.keep_log("a.log", "new")),
    "a profile": ("profiles/flask/request.stream/a", lambda run: run.keep_profile(CELL, {"a": b"new"})),
}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's, outside of the run."""
    path = tmp_path / "victim" / "precious"
    path.parent.mkdir()
    path.write_text("precious\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "r")


def write(run: RunFolder, what: str) -> str:
    """Write, and return what the error says, if any."""
    try:
        WRITES[what][1](run)
    except LabError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", WRITES)
def test_nothing_is_written_through_a_link(run: RunFolder, victim: Path, what: str) -> None:
    path = run.path / WRITES[what][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in (path.name, f"{path.name}.tmp", f"{path.name}.gz"):
        (path.parent / name).symlink_to(victim)
    said = write(run, what)
    assert victim.read_text() == "precious\n"
    assert list(victim.parent.iterdir()) == [victim]
    assert ("a link stands" in said) or (path.is_file() and not path.is_symlink())


@pytest.mark.parametrize("what", [what for what, (name, _) in WRITES.items() if "/" in name])
def test_nothing_is_written_into_a_folder_that_is_a_link(run: RunFolder, victim: Path, what: str) -> None:
    first = Path(WRITES[what][0]).parts[0]
    (run.path / first).symlink_to(victim.parent)
    assert "a link stands where a run has a folder" in write(run, what)
    assert list(victim.parent.iterdir()) == [victim]


def test_logs_of_servers_and_of_locust_go_into_no_link(run: RunFolder, victim: Path) -> None:
    (run.path / "logs").symlink_to(victim.parent)
    with pytest.raises(LabError, match="a link stands where a run has a folder"):
        _ = run.logs


@pytest.mark.parametrize("what", ["a measurement", "a profile's row", "checks", "uploads"])
def test_nothing_is_added_to_a_file_that_has_another_name(run: RunFolder, victim: Path, what: str) -> None:
    path = run.path / WRITES[what][0]
    path.parent.mkdir(exist_ok=True)
    path.hardlink_to(victim)
    assert "another name elsewhere" in write(run, what)
    assert victim.read_text() == "precious\n"


def test_what_is_replaced_loses_its_other_name(run: RunFolder, victim: Path) -> None:
    (run.path / REPORT).hardlink_to(victim)
    run.write_report("new")
    assert (victim.read_text(), (run.path / REPORT).read_text()) == ("precious\n", "new")


@pytest.mark.parametrize("what", WRITES)
def test_a_pipe_is_neither_waited_for_nor_written_to(run: RunFolder, what: str) -> None:
    path = run.path / WRITES[what][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    said = write(run, what)
    assert "a pipe stands where a run has a file" in said or path.is_file()


@pytest.mark.parametrize("name", ["report.html.tmp", REPORT, SUMMARY, "run.json.tmp"])
def test_report_overwrites_no_file_of_the_users(tmp_path: Path, victim: Path, name: str) -> None:
    folder = loaded_run(tmp_path / "r")
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).symlink_to(victim)
    done = lab("report", folder.path)
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious\n"
    assert "<html" in (folder.path / REPORT).read_text()


@pytest.mark.parametrize(
    "name", [RUN_FILE, MEASUREMENTS, f"{CHECKS}.gz", PROFILED, LOAD_STEPS, LOAD_UPLOADS, REPORT]
)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_report_waits_for_no_pipe_and_reads_through_no_link(
    tmp_path: Path, victim: Path, name: str, kind: str
) -> None:
    folder = loaded_run(tmp_path / "r")
    (folder.path / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(folder.path / name)
    else:
        (folder.path / name).symlink_to(victim)
    text = report.as_text(report.document_of(RunFolder(folder.path), Goals()), "md")
    assert "precious" not in text
    assert name == REPORT or f"a {kind} stands where a run has a file" in text


def test_a_run_is_reached_by_a_link_to_its_folder(tmp_path: Path) -> None:
    folder = loaded_run(tmp_path / "r")
    (tmp_path / "last").symlink_to("r")
    assert lab("report", tmp_path / "last").returncode == 0
    assert (folder.path / REPORT).is_file()


NAMES = ["/{}", "../victim/precious", "a/../../victim/precious", "", ".", "a\0b"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_folder(run: RunFolder, victim: Path, name: str) -> None:
    name = name.format(victim)
    for use in (
        run.files.read,
        run.files.append,
        run.files.remove,
        lambda name: run.files.replace(name, b""),
    ):
        with pytest.raises(OSError, match="leads out"):
            use(name)
    with pytest.raises(LabError, match=r"leads out|a folder"):
        run.keep_profile(Cell("../../../victim", "", 1), {"precious": b"new"})
    assert victim.read_text() == "precious\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_adds_belongs_to_the_folders_owner(run: RunFolder, victim: Path) -> None:
    os.chown(run.path, 54321, 54321)
    (run.path / MEASUREMENTS).hardlink_to(victim)
    for what in WRITES:
        write(run, what)
    assert victim.stat().st_uid == 0
    made = [path for path in run.path.rglob("*") if path.name != MEASUREMENTS]
    assert {path.stat().st_uid for path in made} == {54321}


def test_keep_run_copies_no_links(tmp_path: Path, victim: Path) -> None:
    copy_checkout(tmp_path / "checkout")
    folder = loaded_run(tmp_path / "r")
    profiles = folder.path / "profiles" / "flask"
    for path in (folder.path / CHECKS, profiles / "a.json", profiles / "b.jsonl"):
        path.symlink_to(victim)
    (folder.path / "load2").symlink_to(victim.parent)
    os.mkfifo(profiles / "c.jsonl")
    (profiles / "d.json").hardlink_to(victim)
    (profiles / "e.jsonl").touch()
    os.truncate(profiles / "e.jsonl", 1 << 40)
    subprocess.run([tmp_path / "checkout/scripts/keep-run", folder.path, "kept"], check=True, timeout=60)
    kept = tmp_path / "checkout/benchmark/reference/kept"
    names = {str(path.relative_to(kept)) for path in kept.rglob("*") if not path.is_dir()}
    assert names == {"run.json.gz", "measurements.jsonl.gz", "profiles.jsonl.gz", "load/steps.jsonl.gz",
                     "load/uploads.jsonl.gz"}  # fmt: skip
    shutil.move(folder.path / RUN_FILE, tmp_path / "elsewhere")
    keep = tmp_path / "checkout/scripts/keep-run"
    for link in (Path.symlink_to, Path.hardlink_to):
        link(folder.path / RUN_FILE, tmp_path / "elsewhere")
        assert subprocess.run([keep, folder.path, "kept"], check=False, capture_output=True).returncode == 2
        (folder.path / RUN_FILE).unlink()


OPENS = re.compile(
    r"\b(open|fdopen|read_text|read_bytes|write_text|write_bytes|unlink|mkdir|rename|rmtree|truncate|touch"
    r"|symlink_to|chmod|chown|mkdtemp|copyfile)\("
)
ELSEWHERE = {
    "catalogue/clients.py": "the package",
    "catalogue/payloads.py": "files that are sent",
    "checking/certificates.py": "the folder of files that are sent",
    "checking/client_files.py": "files that are sent",
    "checking/client_reproduction.py": "the package",
    "checking/client_source.py": "the package",
    "checking/misbehaving.py": "the file that is sent, which it makes longer or shorter",
    "checking/reproduced_behaviour.py": "words of the scripts that it writes",
    "commands/ci_job.py": "the files that a job reads",
    "commands/help_text.py": "the package",
    "commands/knobs.py": "configs in a temporary folder",
    "commands/lab_command.py": "click's writer",
    "checking/reproduced_client.py": "words of the scripts that it writes",
    "checking/reproduced_server.py": "the checkout, and words of the scripts that it writes",
    "commands/serve.py": "lines of links",
    "declared": "the checkout",
    "doctoring": "the package, the user's configs and logs, copies of an answer where the user wants them",
    "load/ledger.py": "a temporary folder",
    "load/throughput.py": "Locust's --csv",
    "load/users.py": "the file that is sent",
    "measuring/host.py": "/proc",
    "measuring/over_links.py": "lines of links",
    "measuring/uploads.py": "the folder of files that are sent",
    "pages": "the checkout",
    "planning": "the checkout, and configs in a temporary folder",
    "presenting/doctor_report.py": "the page that the user names",
    "presenting/html.py": "the package",
    "presenting/streams.py": "standard streams",
    "sending/clients": "files that are sent, and temporary folders",
    "sending/digests.py": "the folder of a server of the user's own",
    "sending/host_readings.py": "/proc",
    "sending/read_back.py": "the folder of a server of the user's own",
    "sending/shelf.py": "the folder of a server of the user's own",
    "processes": "/proc, and temporary folders",
    "runtimes/compose.py": "gives a new run's folder to its owner",
    "runtimes/link": "lines of links",
    "runtimes/local.py": "folders that servers store in",
    "runtimes/package_images.py": "what images are built from, in a temporary folder",
    "sending/peak_memory.py": "/proc",
    "sending/process_usage.py": "/proc",
    "sending/several_requests.py": "the file that is sent",
    "sending/upload.py": "the file that is sent",
    "storage/files.py": "cuts an open file",
    "storage/run_files.py": "run folders",
    "versions": "lock files, the user's packages, and folders of packages",
    "storage/run_folder.py": "makes and removes whole run folders, and cuts an open file",
}
"""Modules and rooms that open or make files, and which."""


def test_no_other_module_opens_files_of_a_run_folder() -> None:
    package = ROOT / "client" / "uploadlab"
    opening = [path.relative_to(package) for path in package.rglob("*.py") if OPENS.search(path.read_text())]
    places = {str(path): {str(path), path.parts[0], str(path.parent)} for path in opening}
    assert [path for path, names in places.items() if not names & ELSEWHERE.keys()] == []
