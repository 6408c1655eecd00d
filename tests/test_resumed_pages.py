"""What docs/resumable.md says of the runs through faults, and of what servers keep."""

from pathlib import Path

import msgspec
import pytest
from uploadlab.pages import resumable, resumed
from uploadlab.pages.resumed import FaultMet, KeptPrefix, ResumedRun, read_kept_prefixes, read_resumed_runs
from uploadlab.units import MIB

RUN = ResumedRun(
    seed=1,
    deployment="a",
    method="resumable",
    size_bytes=MIB,
    faults=[FaultMet("rst", 5), FaultMet("fin", 9)],
    sent_bytes=MIB + MIB // 2,
    breaks=2,
    seconds=1.0,
    looks=1000,
    day="2026-11-27",
)


def write(path: Path, *rows: msgspec.Struct) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def kept(name: str, cut: str, kept_bytes: int | None, problem: str = "") -> KeptPrefix:
    return KeptPrefix(
        deployment=name, group="core", cut=cut, sent_bytes=8 * MIB, kept_bytes=kept_bytes, problem=problem
    )


def test_runs_that_are_right_are_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = msgspec.structs.replace(RUN, faults=[])
    path = write(tmp_path / "runs", RUN, again, msgspec.structs.replace(RUN, seed=2))
    assert [run.faults for run in read_resumed_runs(path)] == [[], RUN.faults]  # the last of each seed
    monkeypatch.setattr(resumable, "read_resumed_runs", lambda: read_resumed_runs(path))
    said = resumable.resumed_sentence()
    assert said.startswith("All 2 runs of 1 MiB are right")
    assert "None of 2,000 looks" in said
    assert "Faults: 2 (connection reset 1, connection ended 1)." in said
    assert "| `a` | resumable | 2 | 2 | 2 | 0 | 0.5 MiB | 1 |" in resumable.resumed_runs()


def test_a_run_that_went_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = msgspec.structs.replace(RUN, seed=2, wrong=["status 423"])
    path = write(tmp_path / "runs", RUN, wrong)
    monkeypatch.setattr(resumable, "read_resumed_runs", lambda: read_resumed_runs(path))
    said = resumable.resumed_sentence()
    assert said.startswith("1 of 2 runs of 1 MiB are right")
    assert "- seed 2, `a`: status 423" in said


def test_what_is_kept_is_grouped_by_what_it_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        *(kept("nothing", cut, 0) for cut in ("fin", "rst")),
        *(kept("all", cut, 8 * MIB) for cut in ("fin", "rst")),
        *(kept("block", cut, 8 * MIB - 70_000) for cut in ("fin", "rst")),
        kept("some", "fin", 8 * MIB),
        kept("some", "rst", 4 * MIB),
        *(kept("none", cut, None, "creation: status 404") for cut in ("fin", "rst")),
    ]
    path = write(tmp_path / "kept", *rows)
    monkeypatch.setattr(resumable, "read_kept_prefixes", lambda: read_kept_prefixes(path))
    assert resumable.kept_prefix_groups().splitlines()[2:] == [
        "| keeps what arrived | `all`, `block` |",
        "| keeps a part of it | `some` |",
        "| **keeps nothing** | `nothing` |",
        "| takes no resumable uploads | `none` |",
    ]
    table = resumable.kept_prefixes()
    assert "| `some` | core | all | 4.0 MiB |" in table
    assert "| `nothing` | core | nothing | nothing |" in table
    assert "| `none` | core | creation: status 404 |" in table


def test_the_committed_runs_are_all_right_and_a_hundred() -> None:
    runs = read_resumed_runs()
    assert {run.seed for run in runs} == set(range(100))
    assert [run.seed for run in runs if run.wrong] == []
    assert {run.size_bytes for run in runs} == {64 * MIB}


def test_nothing_that_was_not_measured_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable, "REFERENCE", tmp_path)
    parts = (resumable.cuts_by_method, resumable.cuts_by_deployment, resumable.parts_over_far)
    for part in (*parts, resumable.without_cuts, resumable.resumable_measured):
        assert part() == resumable.NOT_YET
    assert resumed.read_lines(tmp_path / "none", KeptPrefix) == []
