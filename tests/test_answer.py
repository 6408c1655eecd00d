"""How a run ends: the main result, what was lost, what to change, what to type next, in one terminal."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.declared.goals import Goals
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.deployments import Target
from uploadlab.model.host_use import HostWarning
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Order
from uploadlab.model.targets import StatusRange, TargetSpec
from uploadlab.paths import REFERENCE
from uploadlab.presenting.document import Document
from uploadlab.presenting.report import document_of
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, measured

MIB = 1 << 20
SIZE = 64 * MIB
NOISE = (1.0, 1.02, 0.98, 1.01, 0.99)


def rounds(
    name: str, method: str = "request.stream", seconds: float = 0.1, **more: object
) -> list[Measurement]:
    """Five rounds that differ by 4%."""
    return [
        measured(name, method, seconds * factor, **{"size_bytes": SIZE, "round": number, **more})
        for number, factor in enumerate(NOISE, 1)
    ]


def stored(path: Path, rows: Sequence[Measurement], targets: Sequence[Target] = ()) -> RunFolder:
    names = dict.fromkeys(row.deployment for row in rows)
    known = {target.name: target for target in targets}
    tiers = {"raw-sink": "reference"}
    cells = {Cell(row.deployment, row.method, row.size_bytes): row.round for row in rows}
    run = msgspec.structs.replace(
        RUN,
        targets=[known.get(name, Target(name, "", tiers.get(name, "stock"))) for name in names],
        cells=[Planned(cell, count, 1) for cell, count in cells.items()],
    )
    folder = RunFolder.create(path, "r")
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    return folder


def document(path: Path, rows: Sequence[Measurement], targets: Sequence[Target] = ()) -> Document:
    return document_of(stored(path, rows, targets), Goals())


def told(found: Document) -> dict[str, str]:
    """The sentences by their heads."""
    return {statement.head: statement.text for statement in found.answer}


SINK = rounds("raw-sink", seconds=0.05)
LOST: dict[str, Any] = {
    "status": Status.WRONG, "http_status": 201, "stored_bytes": 0, "error": f"0 of {SIZE} bytes",
}  # fmt: skip


def test_a_healthy_run_names_the_fastest_and_no_difference_inside_its_noise(tmp_path: Path) -> None:
    found = document(tmp_path, [*rounds("flask"), *rounds("gunicorn", seconds=0.101), *SINK])
    assert found.title == "No clear difference in speed between 2 ways to upload"
    assert told(found) == {
        "Arrived": "every file is whole: 10 uploads to 2 servers, every byte checked",
        "Speed": "2 ways (a method at a server), none clearly faster: 664 to 671 MB/s in 5 rounds of 64 MiB",
    }


def test_a_lost_body_comes_first_with_its_fix_and_what_to_type(tmp_path: Path) -> None:
    rows = [
        *rounds("flask"), *rounds("uwsgi-default"), *SINK,
        *rounds("uwsgi-default", "request.stream-chunked", **LOST),
    ]  # fmt: skip
    found = document(tmp_path, rows)
    assert found.title.startswith("1 server lost a whole file")
    first = found.answer[0]
    assert (first.head, first.tone) == ("Lost", "bad")
    assert first.text == "uwsgi-default answered 201 to request.stream-chunked and stored 0 bytes of 64 MiB"
    change = next(statement for statement in found.answer if statement.head == "Change 1")
    assert change.text.startswith("Client: send a Content-Length; or server: ")
    assert change.finding == "lost-body"
    assert next(iter(found.commands.values())) == "./scripts/lab check --deployments uwsgi-default"


@pytest.mark.parametrize(
    ("stored_bytes", "title", "words"),
    [
        (12, "1 server stored other bytes than were sent", "and stored 12 bytes of 64 MiB"),
        (SIZE, "1 server stored other bytes than were sent", "and stored 64 MiB of other bytes"),
        (None, "1 server did not prove what was stored", "and did not say what it stored"),
    ],
)
def test_a_part_other_bytes_and_no_proof_are_no_whole_file(
    tmp_path: Path, stored_bytes: int | None, title: str, words: str
) -> None:
    found = document(tmp_path, [*rounds("flask", **{**LOST, "stored_bytes": stored_bytes}), *SINK])
    assert found.title == title
    assert told(found)["Lost"].endswith(words)


def test_a_slow_form_is_named_with_its_factor_and_its_fix(tmp_path: Path) -> None:
    slow = rounds("flask", "request.files", 0.6, connected_seconds=0.3, client_cpu_seconds=0.4)
    found = document(tmp_path, [*rounds("flask"), *slow, *SINK])
    assert found.title == "Uploads by request.files are typically 6 times slower than by request.stream"
    assert told(found)["Slowest"].startswith(
        "request.files on flask: 6 times slower than the fastest, 112 MB/s (110-114 in 5 "
    )
    change = next(statement for statement in found.answer if statement.head == "Change 1")
    assert change.text == (
        "Client: send the form piece by piece, as method `request.files-streamed` does "
        "(request.files on flask, up to 6 times slower)"
    )
    assert change.finding == "built-first"
    assert found.commands["To measure the fix"] == (
        "./scripts/lab run --deployments flask --methods request.files,request.files-streamed --rounds 5"
    )
    assert "The client connected after 50% of the upload's time" in change.more


def test_two_servers_are_contrasted_where_methods_do_not_matter(tmp_path: Path) -> None:
    rows = [*rounds("flask"), *rounds("nginx-uwsgi", seconds=0.4), *SINK]
    assert document(tmp_path, rows).title == "nginx-uwsgi is typically 4 times slower than flask"


def test_few_rounds_are_marked_and_decide_only_over_large_differences(tmp_path: Path) -> None:
    found = document(tmp_path, [*rounds("flask")[:2], *rounds("gunicorn", seconds=0.14)[:2], *SINK])
    assert found.title == "No clear difference in speed between 2 ways to upload"
    assert told(found)["Speed"].endswith(" none clearly faster: 475 to ~664 MB/s in 2 rounds of 64 MiB")
    assert told(found)["Rough"] == "2 of 3 rates are of 2 rounds at most (~): --rounds 5 gives medians"


def test_a_target_of_the_users_own_is_named_with_its_share_and_what_is_unproven(tmp_path: Path) -> None:
    rows = [*rounds("mine", status=Status.UNVERIFIED), *SINK]
    found = document(tmp_path, rows, [Target("mine", "http://127.0.0.1:9", "target")])
    assert found.title == (
        "mine takes 671 MB/s by request.stream, 2 times slower than raw-sink, a plain server on loopback; "
        "what it stored is not verified"
    )
    assert (
        told(found)["Unproven"]
        == "mine answered with success; what it stored was not read back: add --stored-url"
    )


def test_a_run_of_baselines_alone_says_what_arrived(tmp_path: Path) -> None:
    found = document(tmp_path / "alone", SINK)
    assert found.title == "Only baselines were measured: raw-sink takes 1342 MB/s by request.stream"
    assert told(found)["Arrived"] == "every file is whole: 5 uploads to 1 baseline, every byte checked"
    refused = rounds("flask", status=Status.REFUSED, http_status=413, error="too large")
    assert document(tmp_path / "one", [*SINK, *refused]).title == "No upload arrived, except at baselines"


def test_what_failed_is_said_once_with_its_places(tmp_path: Path) -> None:
    refused: dict[str, Any] = {"status": Status.REFUSED, "http_status": 413, "error": "too large"}
    rows = [row for name in "abcdefgh" for row in rounds(name, **refused)]
    rows += rounds("i", status=Status.UNAVAILABLE, error="nginx is not installed")
    found = document(tmp_path, rows)
    assert found.title == "No upload arrived"
    assert [statement.text for statement in found.answer] == [
        "request.stream on a, request.stream on b and 6 more: refused: 413, too large",
        "i: not measured, nginx is not installed",
    ]


@pytest.mark.parametrize("columns", [68, 80, 120])
@pytest.mark.parametrize("name", ["quick", "check", "original", "slow-clients", "quick-docker", "crowded"])
def test_the_answer_fits_into_a_terminal(
    tmp_path: Path,
    name: str,
    columns: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    if name == "crowded":
        rows = [
            row
            for number in range(30)
            for row in rounds(f"server-{number}", f"method-{number}", **{**LOST, "error": "word " * 99})
        ]
        found = document(tmp_path, [*rows, *rounds("a-very-long-name-" * 9, seconds=0.3), *SINK])
    else:
        found = document_of(RunFolder(REFERENCE / name), Goals())
    Screen().answer(found, Path("benchmark/runs/r/report.html"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 25
    at = next(number for number, line in enumerate(lines) if line.startswith("Report "))
    assert max(map(len, lines[: at + 1])) <= columns
    assert any(statement.text[:10] in " ".join(lines) for statement in found.answer[:1])


@pytest.mark.parametrize("columns", [68, 80])
@pytest.mark.parametrize("name", ["quick", "check", "original", "slow-clients"])
def test_tables_fit_into_a_terminal_and_break_no_name(
    name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    found = document_of(RunFolder(REFERENCE / name), Goals())
    Screen().details(found)
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if "./scripts/lab" not in line]
    assert max(map(len, lines)) <= columns
    words = set(re.findall(r"[\w.-]+", shown))
    assert {*found.deployments, *found.methods} <= words


def test_a_disturbed_run_says_so_names_no_cause_in_times_and_asks_to_be_repeated(tmp_path: Path) -> None:
    busy: dict[str, Any] = {"host_warnings": [HostWarning.OTHER_PROCESSES], "host_seconds": 0.1}
    slow = rounds("flask", "request.files", 0.6, connected_seconds=0.3, client_cpu_seconds=0.4, **busy)
    folder = stored(tmp_path, [*rounds("flask", **busy), *slow, *SINK])
    run = folder.read_run()
    run.order = Order(plan="p")
    folder.write_run(run)
    found = document_of(folder, Goals())
    assert found.title.endswith("; figures are uncertain: the host was busy with other work")
    noise = next(statement for statement in found.answer if statement.head == "Noise")
    assert noise.text.startswith("in 10 of 15 rounds, other programs used the CPU")
    assert [statement.head for statement in found.answer if statement.head.startswith("Change")] == []
    (first, *_) = found.commands.items()
    assert first == (
        "To measure the same again when the host is quiet",
        "./scripts/lab run --plan p --seed 1 --runtime local",
    )  # fmt: skip


def test_a_quiet_host_is_not_worth_a_word(tmp_path: Path) -> None:
    rows = [row for name in "abcdefg" for row in rounds(name)]
    rows[0].host_warnings = [HostWarning.OTHER_PROCESSES]
    assert "Noise" not in told(document(tmp_path, rows))


def test_a_way_is_slower_than_the_fastest_of_its_own_size(tmp_path: Path) -> None:
    small = {"size_bytes": MIB}
    lines = rounds("gunicorn", "request.stream-lines", 3.0, **small)
    rows = [
        *rounds("flask", "request.stream"),
        *rounds("flask", "request.stream-lines", 1.0, **small),
        *lines,
    ]
    found = told(document(tmp_path, rows))["Slowest"]
    assert found.startswith("request.stream-lines on gunicorn: 3 times slower than the fastest of 1 MiB, ")


@pytest.mark.parametrize("seconds", [1e-9, 0.1, 9e6])
def test_a_picture_has_an_axis_for_any_rate(tmp_path: Path, seconds: float) -> None:
    found = document(tmp_path, [*rounds("flask", seconds=seconds), *rounds("gunicorn", seconds=2 * seconds)])
    (picture, *_) = found.pictures
    assert len(picture.ticks) <= 6
    assert all(0 <= place <= 100 for _, place in picture.ticks)


def test_one_slow_way_among_others_is_in_the_title_where_no_method_is_slow_everywhere(tmp_path: Path) -> None:
    slow = [*rounds("flask", "multipart-push", 0.8), *rounds("gunicorn", "multipart-push", 0.1)]
    found = document(tmp_path, [*rounds("flask"), *rounds("gunicorn"), *slow, *SINK])
    assert found.title == "multipart-push on flask is 8 times slower than the fastest way"


def test_the_fix_is_measured_only_where_the_lab_can_start_a_server(tmp_path: Path) -> None:
    slow = rounds("mine", "request.files", 0.6, connected_seconds=0.3, client_cpu_seconds=0.4)
    found = document(
        tmp_path, [*rounds("mine"), *slow, *SINK], [Target("mine", "http://127.0.0.1:9", "target")]
    )
    assert [statement.head for statement in found.answer if statement.head.startswith("Change")]
    assert "To measure the fix" not in found.commands


def test_what_disturbed_users_at_once_is_said(tmp_path: Path) -> None:
    folder = stored(tmp_path, rounds("flask"))
    run = folder.read_run()
    run.load = [Step(run.cells[0].cell, 8, 1.0)]
    folder.write_run(run)
    warnings = [HostWarning.CPU_STEAL]
    step = LoadStep(step_id=run.load[0].id, started_at="", status=Status.OK, host_warnings=warnings)
    folder.append_step(step, [])
    noise = told(document_of(folder, Goals()))["Noise"]
    assert noise.startswith("in 1 of 1 step, the hypervisor gave this host's CPU to other machines: ")


def test_users_that_were_not_at_work_together_are_named_and_have_no_speed(tmp_path: Path) -> None:
    folder = stored(tmp_path, rounds("flask"))
    run = folder.read_run()
    run.load = [Step(run.cells[0].cell, 2, 1.0)]
    folder.write_run(run)
    step_id, cell = run.load[0].id, run.cells[0].cell
    rows = [
        LoadUpload(
            step_id=step_id, user=f"0/{user}", slow=False, method=cell.method, size_bytes=cell.size_bytes,
            started_at=100.0 * user + number, seconds=1.0, status=Status.OK, sent_bytes=cell.size_bytes,
        )
        for user in (1, 2)
        for number in range(3)
    ]  # fmt: skip
    folder.append_step(LoadStep(step_id=step_id, started_at="", status=Status.OK, workers=1), rows)
    assert told(document_of(folder, Goals()))["2 users"].startswith("flask: no speed, as a user ended before")


def test_one_pair_is_no_rule_and_one_noisy_pair_breaks_none(tmp_path: Path) -> None:
    names = ("flask", "gunicorn", "uwsgi-tuned", "nginx-uwsgi")
    rows = [row for name in names for row in [*rounds(name), *rounds(name, "request.files", 0.6)]]
    rows[-1].seconds = 0.05  # one fast round of the last pair
    rows += rounds("nginx-offload", seconds=0.01)  # takes raw bodies only
    title = document(tmp_path, [*rows, *SINK]).title
    assert title == "Uploads by request.files are typically 6 times slower than by request.stream"


def test_uploads_that_are_given_up_are_not_missing(tmp_path: Path) -> None:
    spec = TargetSpec(expect_status=[StatusRange(200, 200)])
    mine = Target("mine", "http://127.0.0.1:9", "target", spec=spec)
    refused = rounds("mine", status=Status.REFUSED, http_status=404, error="answered 404, expected 200")[:1]
    folder = stored(tmp_path, [*refused, *rounds("flask", status=Status.TIMEOUT)[:1], *SINK], [mine])
    run = folder.read_run()
    run.order = Order(plan="p")
    run.cells = [planned._replace(rounds=5) for planned in run.cells]
    folder.write_run(run)
    assert document_of(folder, Goals()).commands == {
        "To see what can be said of your server": "./scripts/lab run --target-help"
    }
