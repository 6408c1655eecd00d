"""The check of a server without the lab's routes: what can be judged of it, and what is left there."""

from pathlib import Path
from typing import Any

import pytest
from uploadlab.model.checks import Check
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab
from .test_commands import only_run
from .upload_apps import UploadApp, upload_app

pytestmark = pytest.mark.slow


def checked(
    folder: Path, app: UploadApp, *words: str | Path, path: str = "/up"
) -> tuple[int, str, list[Check]]:
    where = ("--runtime", "local", "--out", folder / "out", "--data-dir", folder / "data")
    done = lab("check", "--target", f"mine={app.url}{path}", "--expect-status", "200", *words, *where)
    folders = list((folder / "out").glob("*"))
    rows = RunFolder(folders[0]).read_checks() if folders else []
    return done.returncode, done.stdout + done.stderr, rows


def verdicts(rows: list[Check], case: str) -> set[str]:
    return {row.verdict for row in rows if row.case == case}


GOOD = ("--cases", "content-length,chunked,one-byte,kept-connection,bad-lengths,client-gone,crowd-idle")


def test_without_read_back_successes_are_unknown_and_refusals_are_judged(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        code, said, rows = checked(tmp_path, app, *GOOD)
        for case in ("content-length", "chunked", "one-byte", "crowd-idle"):
            assert verdicts(rows, case) == {"unknown"}, case
        assert "pass" in verdicts(rows, "bad-lengths")
        assert "fail" in verdicts(rows, "bad-lengths")  # this app takes a length with a sign
        assert code == 1
        assert all("limit=" not in row.label for row in rows)
        left = sum(row.left for row in rows)
        assert f"{left} uploads" in " ".join(said.split())
        assert 0 <= len(app.files) - left <= 2  # nobody hears of an upload whose client has gone


def test_a_server_that_keeps_every_byte_passes_and_is_left_clean(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        words = ("--cases", "content-length,chunked,one-byte,kept-connection,crowd-stalled")
        code, said, rows = checked(tmp_path, app, *words, "--stored-url", "{location}", "--clean-up")
        assert {row.verdict for row in rows} == {"pass"}, said
        assert (code, app.files) == (0, [])
        assert "not removed" not in said


@pytest.mark.parametrize("words", [("--stored-url", "{location}"), ("--stored-dir", "STORE")])
def test_a_server_that_loses_bytes_fails(tmp_path: Path, words: tuple[str, ...]) -> None:
    with upload_app(tmp_path / "store", loses=True) as app:
        given = [app.folder if word == "STORE" else word for word in words]
        code, said, rows = checked(tmp_path, app, "--cases", "no-newline", *given)
        assert {(row.verdict, row.stored_bytes) for row in rows} == {("silent loss", 75_000)}
        assert (code, "lost bytes" in said) == (1, True)


def test_only_the_kinds_of_body_that_a_server_takes_are_tried(tmp_path: Path) -> None:
    for trait, label in (("forms_only", "a plain body got 400"), ("plain_only", "a form got 415")):
        traits: dict[str, Any] = {trait: True}
        with upload_app(tmp_path / trait / "store", **traits) as app:
            words = ("--cases", "content-length,broken-form,chunk-sizes", "--stored-url", "{location}")
            _, _, rows = checked(tmp_path / trait, app, *words)
            assert verdicts(rows, "content-length") == {"pass"}
            sizes = [row.sent_bytes for row in rows if row.case == "content-length"]
            assert len(sizes) == {"forms_only": 2, "plain_only": 3}[trait]
            untried = "chunk-sizes" if trait == "forms_only" else "broken-form"
            (row,) = [row for row in rows if row.case == untried and row.text.startswith("not tried")]
            assert (row.verdict, label in row.text) == ("unknown", True)


def test_a_server_that_accepts_nothing_says_why(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", needs=("X-Key", "a")) as app:
        code, _, rows = checked(tmp_path, app, "--cases", "one-byte")
        assert code == 1
        assert [row.verdict for row in rows] == ["unavailable"]
        assert "it accepts no upload: a plain body got 401" in rows[0].text


def test_cases_of_the_labs_contract_are_left_out(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        code, said, rows = checked(tmp_path, app, "--cases", "wrong-methods,file-names,early-refusal")
        assert (code, rows, "choose other --cases" in said) == (2, [], True)


def test_a_refusal_that_stores_the_file_is_seen_in_its_folder(tmp_path: Path) -> None:
    says = {"ok": False}
    with upload_app(tmp_path / "store", says=says) as app:
        words = ("--stored-dir", app.folder, "--cases", "one-byte", "--expect-json", "ok=true")
        _, _, rows = checked(tmp_path, app, *words)
        assert "accepts no upload" in rows[0].text


def test_each_attempt_has_a_url_of_its_own_where_the_name_is_in_it(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", by_name=True) as app:
        words = ("--cases", "content-length,kept-connection", "--stored-url", "/files/{name}", "--clean-up")
        code, said, rows = checked(tmp_path, app, *words, path="/up/{name}")
        assert code == 0, said
        assert verdicts(rows, "content-length") == {"pass"}
        assert app.files == []


def test_a_check_sends_no_more_than_it_may(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        _, _, rows = checked(tmp_path, app, "--cases", "content-length,all-crlf", "--max-bytes", "7.8MB")
        assert verdicts(rows, "all-crlf") == {"unavailable"}
        assert "--max-bytes 7.8MB of mine is used up" in rows[-1].text
        assert app.received_bytes < 7_800_000
    assert only_run(tmp_path / "out")
