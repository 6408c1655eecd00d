"""summary.json, which the viewer's list reads: written with the report, short whatever a run holds."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.worst import Tone
from uploadlab.declared.goals import Goals
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.host_use import HostWarning
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Kind
from uploadlab.model.runs import Host
from uploadlab.presenting import report
from uploadlab.presenting.summary import MOST_SUMMARY_CELLS
from uploadlab.storage.files import SUMMARY
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, SIZE, measured
from .report_runs import HOSTILE, hostile_run, loaded_run

MOST_BYTES = 4e6
"""The viewer reads no more."""


def summary_of(folder: RunFolder) -> dict[str, Any]:
    report.write_page(folder, report.document_of(folder, Goals()))
    content = (folder.path / SUMMARY).read_bytes()
    assert len(content) < MOST_BYTES
    found: dict[str, Any] = json.loads(content)
    return found


def stored(path: Path, rows: list[Measurement], **more: Any) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    folder.write_run(msgspec.structs.replace(RUN, **more))
    for row in rows:
        folder.append(row)
    return folder


def worst(folder: RunFolder) -> tuple[str, str]:
    found = summary_of(folder)["worst"]
    return found["tone"], found["text"]


def test_a_summary_says_what_the_run_was(tmp_path: Path) -> None:
    folder = loaded_run(tmp_path / "loaded")
    found, document = summary_of(folder), report.document_of(folder, Goals())
    assert (found["schema"], found["id"], found["kinds"], found["runtime"]) == (
        1,
        "loaded",
        ["run", "load"],
        "local",
    )
    assert found["deployments"] == ["flask", HOSTILE, "raw-sink"]
    assert (found["targets"], found["plan"], found["title"]) == ({}, "p", document.title)
    assert found["worst"] == {"tone": "lost", "text": "1 lost"}
    assert found["hosts"] == [msgspec.to_builtins(hostile_run().host)]
    assert len(found["cells"]) == 6


def test_a_summary_has_the_figures_that_two_runs_are_compared_by(tmp_path: Path) -> None:
    rows = [measured("flask", seconds=seconds, round=number) for number, seconds in enumerate((2, 1, 4), 1)]
    rows += [measured("flask", "request.files", status=Status.WRONG, error="0 bytes")]
    assert summary_of(stored(tmp_path / "run", rows))["cells"] == [
        {
            "deployment": "flask", "method": "request.stream", "size_bytes": SIZE, "status": "ok",
            "rounds": 3, "mb_per_second": 5.0, "low": 2.5, "high": 10.0,
        },
        {
            "deployment": "flask", "method": "request.files", "size_bytes": SIZE, "status": "wrong",
            "rounds": 1, "mb_per_second": None, "low": None, "high": None,
        },
    ]  # fmt: skip


def test_the_duration_is_from_the_first_row_to_the_end_of_the_last(tmp_path: Path) -> None:
    rows = [
        measured("flask", seconds=seconds, round=number) for number, seconds in ((1, 1.0), (2, 5.0), (3, 2.0))
    ]
    for row, moment in zip(
        rows, ("2026-01-31T12:00:00+00:00", "2026-01-31T12:01:00", "no time"), strict=True
    ):
        row.started_at = moment
    assert summary_of(stored(tmp_path / "run", rows))["duration_seconds"] == 65.0
    assert summary_of(stored(tmp_path / "none", [measured("flask")]))["duration_seconds"] is None


CELLS = [("flask", "request.stream"), ("flask", "request.files"), ("raw-sink", "request.stream")]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("ok ok ok", (Tone.OK, "all arrived")),
        ("ok unverified unverified", (Tone.OK, "1 arrived, 2 not verified")),
        ("unverified unverified unverified", (Tone.OK, "3 not verified")),
        ("ok ok unavailable", (Tone.OK, "2 arrived, 1 not available")),
        ("ok ok", (Tone.OK, "2 arrived, 1 not measured")),
        ("refused failed timeout", (Tone.FAILED, "3 failed")),
        ("ok wrong timeout", (Tone.LOST, "1 lost, 1 failed")),
        ("unavailable unavailable unavailable", (Tone.FAILED, "3 not available")),
        ("", (Tone.FAILED, "3 not measured")),
    ],
)
def test_the_worst_upload_names_the_result(tmp_path: Path, statuses: str, expected: tuple[Tone, str]) -> None:
    rows = [
        measured(*cell, status=Status(status), error="why")
        for cell, status in zip(CELLS, statuses.split(), strict=False)
    ]
    assert worst(stored(tmp_path / "run", rows)) == expected


def test_a_cell_is_disturbed_if_half_of_its_rounds_are(tmp_path: Path) -> None:
    rows = [measured(*cell, round=number) for cell in CELLS for number in (1, 2, 3, 4)]
    rows[0].host_warnings = [HostWarning.CPU_STEAL]
    assert worst(stored(tmp_path / "once", rows)) == (Tone.OK, "all arrived")
    rows[1].host_warnings = [HostWarning.OTHER_PROCESSES]
    assert worst(stored(tmp_path / "twice", rows)) == (Tone.DISTURBED, "2 arrived, 1 disturbed")


def test_an_upload_that_was_lost_once_is_lost(tmp_path: Path) -> None:
    rows = [measured(*cell, round=number) for cell in CELLS for number in (1, 2)]
    rows += [measured(*CELLS[0], round=3, status=Status.WRONG), measured(*CELLS[0], round=4)]
    assert worst(stored(tmp_path / "run", rows)) == (Tone.LOST, "1 lost")


def test_of_an_attempt_that_was_made_again_the_later_one_counts(tmp_path: Path) -> None:
    rows = [measured(*CELLS[0], status=Status.UNAVAILABLE), *(measured(*cell) for cell in CELLS)]
    assert worst(stored(tmp_path / "run", rows)) == (Tone.OK, "all arrived")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Verdict.PASS, Verdict.PASS], (Tone.OK, "all passed")),
        ([Verdict.PASS, Verdict.UNKNOWN], (Tone.OK, "1 passed, 1 not verified")),
        ([Verdict.FAIL, Verdict.UNAVAILABLE], (Tone.FAILED, "1 failed, 1 not available")),
        ([Verdict.FAIL, Verdict.LOSS], (Tone.LOST, "1 lost, 1 failed")),
    ],
)
def test_the_worst_case_of_a_check_names_the_result(
    tmp_path: Path, verdicts: list[Verdict], expected: tuple[Tone, str]
) -> None:
    folder = stored(tmp_path / "run", [], kind=Kind.CHECK, cells=[], checks=["case-0", "case-1"])
    for number, verdict in enumerate(verdicts):
        row = Check(
            case=f"case-{number}", deployment="flask", route="/", label="", started_at="", verdict=verdict,
            text="",
        )  # fmt: skip
        folder.append_checks([row])
    assert (worst(folder), summary_of(folder)["kinds"]) == (expected, ["check"])


def test_users_who_lost_a_file_are_the_worst_result(tmp_path: Path) -> None:
    step = Step(Cell("flask", "request.stream", SIZE), 2, 1.0)
    folder = stored(tmp_path / "run", [], cells=[], load=[step])
    folder.append_step(LoadStep(step_id=step.id, started_at="", status=Status.UNAVAILABLE), [])
    assert (worst(folder), summary_of(folder)["kinds"]) == ((Tone.FAILED, "1 not available"), ["load"])


def test_the_users_own_server_is_a_target_and_a_second_host_is_named(tmp_path: Path) -> None:
    other = Host("another", 1, 1, "", "")
    targets = [*RUN.targets, Target("mine", "http://127.0.0.1:8000")]
    found = summary_of(stored(tmp_path / "run", [measured("flask")], targets=targets, other_hosts=[other]))
    assert (found["deployments"], found["targets"]) == (
        ["flask", "raw-sink"],
        {"mine": "http://127.0.0.1:8000"},
    )
    assert found["hosts"] == [msgspec.to_builtins(RUN.host), msgspec.to_builtins(other)]


def test_a_summary_stays_short_whatever_a_run_holds(tmp_path: Path) -> None:
    names = [f"{number}{chr(1) * 300}" for number in range(400)]
    cells = [Planned(Cell(name, f"m{column}", SIZE), 1, 1) for name in names for column in range(5)]
    rows = [measured(cell.deployment, cell.method) for cell, *_ in cells]
    targets = [Target(name, "http://x/" + "y" * 5000) for name in names]
    found = summary_of(stored(tmp_path / "run", rows, cells=cells, targets=targets, plan="p" * 5000))
    assert len(found["cells"]) == MOST_SUMMARY_CELLS
    assert max(len(cell["deployment"]) for cell in found["cells"]) == len(found["plan"]) == 200
