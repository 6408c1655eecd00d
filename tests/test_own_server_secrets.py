"""Headers, cookies, form fields and certificates of a server of one's own: used, and kept nowhere."""

from pathlib import Path

import pytest
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab, need
from .test_commands import only_run
from .test_private_urls import contents
from .upload_apps import UploadApp, self_signed, upload_app

pytestmark = pytest.mark.slow

TOKEN, COOKIE, ALBUM, KEY = "Bearer quiet-please-77", "sid-of-the-user", "holidays-of-2026", "key-nobody-sees"
SECRETS = (TOKEN, "quiet-please-77", COOKIE, ALBUM, KEY)
GIVEN = ("--header", f"Authorization: {TOKEN}", "--cookie", f"sid={COOKIE}", "--form", f"album={ALBUM}")
QUICK = ("--sizes", "1KiB", "--rounds", "1")


def run(folder: Path, app: UploadApp, command: str, *words: str | Path) -> str:
    where = ("--runtime", "local", "--out", folder / "out", "--data-dir", folder / "data")
    done = lab(command, "--target", f"mine={app.url}/up", "--expect-status", "200", *words, *where)
    return done.stdout + done.stderr


def statuses(path: Path) -> list[str]:
    rows = RunFolder(path).read_measurements()
    return [row.status for row in rows if row.deployment == "mine" and not row.warmup]


def hidden(*texts: str) -> None:
    for secret in SECRETS:
        assert [text for text in texts if secret in text] == [], secret


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("run", (*QUICK, "--load", "--users", "1", "--workers", "1", "--methods", "request.files")),
        ("run", (*QUICK, "--methods", "request.files-streamed")),
        ("check", ("--cases", "one-byte,crowd-idle")),
    ],
    ids=["load", "run", "check"],
)
def test_every_request_has_them_and_nothing_shows_them(
    tmp_path: Path, command: str, more: tuple[str, ...]
) -> None:
    with upload_app(tmp_path / "store", needs=("Authorization", TOKEN)) as app:
        read_back = ("--stored-url", f"/files/{{id}}?key={KEY}", "--clean-up")
        said = run(tmp_path, app, command, *more, *GIVEN, *read_back)
        path = only_run(tmp_path / "out").path
        if command == "run":
            assert set(statuses(path)) == {"ok"}
            assert {row.status for row in RunFolder(path).read_uploads() if "mine" in row.step_id} <= {"ok"}
        else:
            assert {row.verdict for row in RunFolder(path).read_checks()} == {"pass"}, said
        assert app.files == []
        assert all(head["Cookie"] == f"sid={COOKIE}" for head in app.heads)
        assert any(ALBUM.encode() in part for part in app.parts)
        assert any(f"?key={KEY}" in method for method in app.methods)
        reports = [lab("report", path, "--format", form).stdout for form in ("html", "md", "csv")]
        hidden(said, *contents(path), *reports)
        assert "--header 'Authorization: ...'" in reports[1]


def test_a_server_that_repeats_what_it_was_sent_is_masked(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", needs=("Authorization", "another")) as app:
        said = run(tmp_path, app, "run", *QUICK, *GIVEN, "--methods", "request.files,request.files-streamed")
        path = only_run(tmp_path / "out").path
        assert set(statuses(path)) == {"refused"}
        errors = [row.error for row in RunFolder(path).read_measurements() if row.status == "refused"]
        assert all("no access with" in str(error) for error in errors)
        hidden(said, *contents(path))


def test_they_must_be_given_again_to_go_on(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", needs=("Authorization", TOKEN)) as app:
        run(tmp_path, app, "run", *QUICK, *GIVEN, "--methods", "request.files")
        path = only_run(tmp_path / "out").path
        (path / "measurements.jsonl").write_text("")
        data = ("--data-dir", tmp_path / "data")
        without = lab("resume", path, *data)
        assert statuses(path) == ["unavailable"]
        assert "add --header 'Authorization: ...'" in (path / "measurements.jsonl").read_text()
        other = lab("resume", path, *data, "--header", "X-Other: 1")
        assert (other.returncode, "'X-Other: ...' is not of" in other.stderr) == (2, True)
        again = lab("resume", path, *data, *GIVEN)
        assert statuses(path) == ["unavailable", "unverified"], again.stderr
        hidden(*(done.stdout + done.stderr for done in (without, other, again)), *contents(path))


METHODS = ("--methods", "request.stream,request.stream-curl")


def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    need("openssl")
    certificate = self_signed(tmp_path / "pem")
    with upload_app(tmp_path / "store", certificate) as app:
        said = run(tmp_path, app, "run", *QUICK, *METHODS)
        assert "add --ca-file FILE" in " ".join(said.split())
        for words in (("--insecure",), ("--ca-file", str(certificate))):
            out = tmp_path / words[0]
            run(out, app, "run", *QUICK, *METHODS, *words, "--stored-url", "{location}")
            assert statuses(only_run(out / "out").path) == ["ok", "ok"]


def test_users_at_once_and_the_check_speak_tls_too(tmp_path: Path) -> None:
    need("openssl")
    certificate = self_signed(tmp_path / "pem")
    with upload_app(tmp_path / "store", certificate) as app:
        trust = ("--ca-file", certificate, "--stored-url", "{location}")
        load = ("--load", "--users", "1", "--workers", "1", "--methods", "request.stream")
        run(tmp_path / "load", app, "run", *QUICK, *load, *trust)
        rows = RunFolder(only_run(tmp_path / "load/out").path).read_uploads()
        assert {row.status for row in rows if "mine" in row.step_id} == {"ok"}
        said = run(tmp_path / "check", app, "check", *trust, "--cases", "chunked,short-body,crowd-idle")
        checks = RunFolder(only_run(tmp_path / "check/out").path).read_checks()
        # A half-closed connection, which short-body needs, is none of TLS.
        assert {(row.case, row.verdict) for row in checks} == {("chunked", "pass"), ("crowd-idle", "pass")}, (
            said
        )
