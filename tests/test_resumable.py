"""The app's side of tus 1.0: an upload goes on where it stopped, and has its final name only as a whole."""

import base64
import errno
import fcntl
import hashlib
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from .resuming import (
    BLOCK_BYTES,
    KIND,
    TUS,
    Arriving,
    begin,
    cut,
    go_on,
    kill_self,
    killed,
    offset_of,
    reason,
    send_arriving,
    unfinished,
)
from .small_disk import fill, small_disk
from .test_app import client, files

BODY = random.Random(1).randbytes(5 * BLOCK_BYTES + 100)


def checksum(body: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


def stored(folder: Path, url: str) -> bytes:
    """The file under its final name, and no other."""
    path = folder / url.rpartition("/")[2]
    assert files(folder) == [path]
    return path.read_bytes()


def test_what_the_server_knows_is_asked_without_a_version(tmp_path: Path) -> None:
    answer = client(tmp_path, MAX_CONTENT_LENGTH="1000").options("/resumable")
    assert answer.status_code == 204
    shown = {name: answer.headers[name] for name in ("Tus-Resumable", "Tus-Version", "Tus-Max-Size")}
    assert shown == {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Max-Size": "1000"}
    known = set(answer.headers["Tus-Extension"].split(","))
    assert known == {"creation", "creation-with-upload", "expiration", "checksum", "termination"}
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
    assert "Tus-Max-Size" not in client(tmp_path).options("/resumable/x").headers


def test_an_upload_goes_on_where_it_stopped(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY), Upload_Metadata="name Zm9v,flag")
    assert offset_of(app, url) == 0
    for start, end in ((0, 10), (10, 10), (10, 200_000)):
        answer = go_on(app, url, start, BODY[start:end])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(end))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Upload-Expires"].endswith(" GMT")
        head = app.head(url, headers=TUS).headers
        shown = [head[f"Upload-{name}"] for name in ("Offset", "Length", "Metadata")]
        assert shown == [str(end), str(len(BODY)), "name Zm9v,flag"]
    again = client(tmp_path)  # the server was started again
    assert offset_of(again, url) == 200_000
    assert not (tmp_path / url.rpartition("/")[2]).exists()
    assert go_on(again, url, 200_000, BODY[200_000:]).status_code == 204
    assert stored(tmp_path, url) == BODY
    assert offset_of(again, url) == len(BODY)
    shown_upload = again.get(url.replace("resumable", "uploads") + "?digest=sha256").get_json()
    assert shown_upload["digest"] == hashlib.sha256(BODY).hexdigest()


def test_a_finished_upload_takes_no_more_and_can_be_removed(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, 3)
    go_on(app, url, 0, b"abc")
    assert "goes on at byte 3" in reason(go_on(app, url, 0, b"abc"), 409)  # the answer was lost
    assert "come before" in reason(go_on(app, url, 3, b"d"), 413)
    assert go_on(app, url, 3, b"").status_code == 204
    assert app.delete(url, headers=TUS).status_code == 204
    assert files(tmp_path) == []
    assert app.head(url, headers=TUS).status_code == 404


def test_an_empty_file_is_finished_at_once(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, 0)
    assert stored(tmp_path, url) == b""
    assert offset_of(app, url) == 0


@pytest.mark.parametrize("size_bytes", [0, 100, len(BODY)])
def test_the_first_bytes_may_come_with_the_creation(tmp_path: Path, size_bytes: int) -> None:
    app = client(tmp_path)
    sent = {**TUS, "Content-Type": KIND, "Upload-Length": str(len(BODY))}
    answer = app.post("/resumable", headers=sent, data=BODY[:size_bytes])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(size_bytes))
    url = answer.headers["Location"]
    assert answer.get_json()["id"] == url.rpartition("/")[2]
    if size_bytes < len(BODY):
        go_on(app, url, size_bytes, BODY[size_bytes:])
    assert stored(tmp_path, url) == BODY


def test_a_creation_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    body = Arriving(BODY, BLOCK_BYTES, cut)
    answer = send_arriving(
        client(tmp_path), "/resumable", body, len(BODY), "POST", Upload_Length=str(len(BODY))
    )
    assert "ended" in reason(answer, 400)
    assert files(tmp_path) == []


def test_a_client_without_patch_says_it_in_a_header(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, 3)
    sent = {**TUS, "Content-Type": KIND, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert app.post(url, headers=sent, data=b"ab").status_code == 204
    assert app.post(url, headers={**TUS, "X-HTTP-Method-Override": "HEAD"}).headers["Upload-Offset"] == "2"
    assert app.post(url, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert files(tmp_path) == []


@pytest.mark.parametrize("length", [len(BODY), None], ids=["length", "chunked"])
def test_what_arrived_before_a_cut_stays(tmp_path: Path, length: int | None) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    assert send_arriving(app, url, Arriving(BODY, 3 * BLOCK_BYTES, cut), length).status_code == 400
    assert offset_of(app, url) == 3 * BLOCK_BYTES
    go_on(app, url, 3 * BLOCK_BYTES, BODY[3 * BLOCK_BYTES :])
    assert stored(tmp_path, url) == BODY


def test_what_arrived_before_a_kill_stays(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    killed(lambda: send_arriving(app, url, Arriving(BODY, 3 * BLOCK_BYTES, kill_self), len(BODY)))
    again = client(tmp_path)
    assert offset_of(again, url) == 3 * BLOCK_BYTES
    go_on(again, url, 3 * BLOCK_BYTES, BODY[3 * BLOCK_BYTES :])
    assert stored(tmp_path, url) == BODY


@pytest.mark.parametrize("call", ["rename", "unlink"])
def test_a_kill_while_the_file_gets_its_name_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    with monkeypatch.context() as patch:
        patch.setattr(Path, call, lambda *_, **__: kill_self())
        killed(lambda: go_on(app, url, 0, BODY))
    again = client(tmp_path)
    assert offset_of(again, url) == len(BODY)
    assert stored(tmp_path, url) == BODY


def test_two_requests_do_not_write_to_one_upload(tmp_path: Path) -> None:
    first, second = client(tmp_path), client(tmp_path)  # as two processes of one deployment
    url = begin(first, len(BODY))
    found: list[TestResponse] = []
    counts: list[object] = []

    def meanwhile() -> None:
        for app in (first, second):
            found.append(go_on(app, url, BLOCK_BYTES, b"another"))
            found.append(app.delete(url, headers=TUS))
            counts.append(app.get("/healthz").get_json()["uploads_in_progress"])
        assert second.head(url, headers=TUS).status_code == 423

    answer = send_arriving(first, url, Arriving(BODY, BLOCK_BYTES, meanwhile), len(BODY))
    assert answer.status_code == 204
    assert {("try again" in reason(answer, 423), answer.headers["Retry-After"]) for answer in found} == {
        (True, "1")
    }
    assert counts == [1, 1]
    assert stored(tmp_path, url) == BODY


def test_two_processes_do_not_write_to_one_upload(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    (begun, tell_begun), (end, tell_end) = os.pipe(), os.pipe()

    def wait() -> None:
        os.write(tell_begun, b"x")
        os.read(end, 1)

    if not (pid := os.fork()):
        send_arriving(app, url, Arriving(BODY, BLOCK_BYTES, wait), len(BODY))
        os._exit(0)
    os.read(begun, 1)
    assert app.get("/healthz").get_json()["uploads_in_progress"] == 1
    assert "try again" in reason(go_on(app, url, BLOCK_BYTES, b"another"), 423)
    os.write(tell_end, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    for file in (begun, tell_begun, end, tell_end):
        os.close(file)
    assert stored(tmp_path, url) == BODY


def test_an_upload_that_nobody_writes_to_is_not_in_progress_nor_a_temporary_file(tmp_path: Path) -> None:
    app = client(tmp_path, USAGE="1", RUN_DIR=str(tmp_path / "run"))
    url = begin(app, 10)
    go_on(app, url, 0, b"abc")
    assert app.get("/healthz").get_json()["uploads_in_progress"] == 0
    assert app.get("/usage").get_json()["stored"] == {"uploads": 0, "temporary": 0, "unfinished": 1}
    app.delete(url, headers=TUS)
    assert app.get("/usage").get_json()["stored"] == {"uploads": 0, "temporary": 0, "unfinished": 0}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "md5"])
def test_bytes_with_another_checksum_are_dropped(tmp_path: Path, algorithm: str) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    go_on(app, url, 0, BODY[:10])
    right = checksum(BODY[10:], algorithm)
    assert algorithm in reason(go_on(app, url, 10, b"x" + BODY[11:], Upload_Checksum=right), 460)
    assert offset_of(app, url) == 10
    assert go_on(app, url, 10, BODY[10:], Upload_Checksum=right).status_code == 204
    assert stored(tmp_path, url) == BODY


def test_bytes_that_nobody_could_check_are_dropped(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    for act in (cut, kill_self):
        body = Arriving(BODY, 3 * BLOCK_BYTES, act)

        def send(body: Arriving = body) -> object:
            return send_arriving(app, url, body, len(BODY), Upload_Checksum=checksum(BODY))

        killed(send) if act is kill_self else send()
        assert offset_of(app, url) == 0
    assert go_on(app, url, 0, BODY, Upload_Checksum=checksum(BODY)).status_code == 204
    assert stored(tmp_path, url) == BODY


def test_a_digest_of_the_body_counts_too_and_may_be_required(tmp_path: Path) -> None:
    app = client(tmp_path, REQUIRE_DIGEST="1")
    url = begin(app, 3)
    assert "Upload-Checksum" in reason(go_on(app, url, 0, b"abc"), 400)
    digest = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    assert "another sha-256" in reason(go_on(app, url, 0, b"abd", Content_Digest=f"sha-256=:{digest}:"), 400)
    assert offset_of(app, url) == 0
    assert go_on(app, url, 0, b"abc", Content_Digest=f"sha-256=:{digest}:").status_code == 204


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Tus-Resumable": ""}, 412, "send Tus-Resumable: 1.0.0"),
        ({"Tus-Resumable": "0.2.2"}, 412, "'0.2.2' is not supported"),
        ({"Content-Type": "text/plain"}, 415, KIND),
        ({"Content-Type": ""}, 415, KIND),
        ({"Upload-Offset": ""}, 400, "Upload-Offset: '' is not a number"),
        ({"Upload-Offset": "-1"}, 400, "Upload-Offset: '-1' is not a number"),
        ({"Upload-Offset": "1e0"}, 400, "Upload-Offset: '1e0' is not a number"),
        ({"Upload-Offset": "9" * 19}, 400, "is not a number"),
        ({"Upload-Offset": "1"}, 409, "goes on at byte 0, not at 1"),
        ({"Upload-Offset": "11"}, 409, "goes on at byte 0, not at 11"),
        ({"Upload-Length": "11"}, 400, "cannot change"),
        ({"Upload-Length": "x"}, 400, "Upload-Length: 'x'"),
        ({"Upload-Checksum": "crc32 AAAA"}, 400, "'crc32' is not one of sha1"),
        ({"Upload-Checksum": "sha1 AAAA"}, 400, "no sha1 in base64"),
        ({"Upload-Checksum": "sha1 *"}, 400, "no sha1 in base64"),
        ({"Upload-Checksum": "sha1"}, 400, "no sha1 in base64"),
        ({"Upload-Checksum": ""}, 400, "is not one of"),
    ],
)
def test_a_wrong_header_is_refused_and_changes_nothing(
    tmp_path: Path, headers: dict[str, str], status: int, words: str
) -> None:
    app = client(tmp_path)
    url = begin(app, 10)
    sent = {**TUS, "Content-Type": KIND, "Upload-Offset": "0", **headers}
    answer = app.patch(url, headers=sent, data=b"abc")
    assert words in reason(answer, status)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert (answer.headers.get("Tus-Version") == "1.0.0") == (status == 412)
    assert offset_of(app, url) == 0


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Tus-Resumable": "2"}, 412, "send Tus-Resumable: 1.0.0"),
        ({}, 400, "Upload-Length is missing"),
        ({"Upload-Length": "-1"}, 400, "Upload-Length: '-1' is not a number"),
        ({"Upload-Length": "9" * 40}, 400, "is not a number"),
        ({"Upload-Length": "1001"}, 413, "at most 1000 bytes"),
        ({"Upload-Defer-Length": "1"}, 400, "Upload-Defer-Length is not supported"),
        ({"Upload-Length": "1", "Upload-Concat": "partial"}, 400, "Upload-Concat is not supported"),
        ({"Upload-Length": "1", "Upload-Metadata": "a Zg=="}, 201, ""),
        ({"Upload-Length": "1", "Upload-Metadata": "a Zg==,b, c"}, 201, ""),
        ({"Upload-Length": "1", "Upload-Metadata": "empty ,b Zg=="}, 201, ""),
        ({"Upload-Length": "1", "Upload-Metadata": "a f"}, 400, "'a f' is not a new key"),
        ({"Upload-Length": "1", "Upload-Metadata": "a Zg==,a Zg=="}, 400, "is not a new key"),
        ({"Upload-Length": "1", "Upload-Metadata": "a  Zg=="}, 400, "is not a new key"),
        ({"Upload-Length": "1", "Upload-Metadata": ","}, 400, "'' is not a new key"),
        ({"Upload-Length": "1", "Upload-Metadata": "é Zg=="}, 400, "is not a new key"),
        ({"Upload-Length": "1", "Upload-Metadata": f"a {'A' * 2048}"}, 400, "over 2048 bytes"),
    ],
)
def test_a_wrong_creation_is_refused_and_leaves_nothing(
    tmp_path: Path, headers: dict[str, str], status: int, words: str
) -> None:
    answer = client(tmp_path, MAX_CONTENT_LENGTH="1000").post("/resumable", headers={**TUS, **headers})
    if status == 201:
        assert answer.status_code == status
    else:
        assert words in reason(answer, status)
        assert files(tmp_path) == []


def test_an_address_says_which_methods_it_takes(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, 10)
    for address, method, allowed in (
        ("/resumable", "PATCH", "POST"),
        (url, "GET", "PATCH"),
        (url, "PUT", "HEAD"),
    ):
        answer = app.open(address, method=method, headers=TUS)
        assert method in reason(answer, 405)
        assert allowed in answer.headers["Allow"]
    for address in ("0" * 32, "x", "..", "0" * 5000):
        assert "no unfinished upload" in reason(go_on(app, f"/resumable/{address}", 0, b""), 404)


@pytest.mark.parametrize("length", [11, None], ids=["length", "chunked"])
def test_a_body_that_is_too_long_is_dropped(tmp_path: Path, length: int | None) -> None:
    app = client(tmp_path)
    url = begin(app, 10)
    answer = send_arriving(app, url, Arriving(b"x" * 11, -1, cut), length)
    assert "10" in reason(answer, 413)
    assert offset_of(app, url) == 0
    assert go_on(app, url, 0, b"y" * 10).status_code == 204
    assert stored(tmp_path, url) == b"y" * 10


def test_a_body_over_its_budget_ends_and_what_came_before_stays(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))
    body = Arriving(BODY, 2 * BLOCK_BYTES, lambda: time.sleep(0.3))
    assert "budget" in reason(send_arriving(app, f"{url}?budget=0.25", body, len(BODY)), 408)
    assert 0 < offset_of(app, url) < len(BODY)


def test_what_fits_on_a_full_disk_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        app = client(disk)
        url = begin(app, len(BODY))
        filler = fill(disk, 2 * BLOCK_BYTES)
        assert "no space left" in reason(go_on(app, url, 0, BODY), 507)
        offset = offset_of(app, url)
        assert 0 < offset <= 2 * BLOCK_BYTES
        filler.unlink()
        assert go_on(app, url, offset, BODY[offset:]).status_code == 204
        assert stored(disk, url) == BODY


def test_the_reserve_of_the_disk_is_kept(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        app = client(disk, RESERVE_BYTES=str(256 << 10))
        answer = app.post("/resumable", headers={**TUS, "Upload-Length": str(10 << 30)})
        assert "keeps 262144 bytes free" in reason(answer, 507)
        url = begin(app, len(BODY))
        filler = fill(disk, (256 << 10) + 1000)
        assert "keeps 262144 bytes free" in reason(go_on(app, url, 0, BODY), 507)
        filler.unlink()
        assert go_on(app, url, 0, BODY).status_code == 204


def test_an_error_of_the_disk_while_an_upload_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client(tmp_path)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", fail)
    answer = app.post("/resumable", headers={**TUS, "Upload-Length": "10"})
    assert "no space left" in reason(answer, 507)
    assert files(tmp_path) == []


def age(folder: Path, seconds: float) -> None:
    """Make what is there as old as if nothing had come for so long."""
    for path in unfinished(folder):
        os.utime(path, (time.time() - seconds,) * 2)


def test_an_unfinished_upload_expires(tmp_path: Path) -> None:
    app = client(tmp_path, RESUMABLE_SECONDS="1000")
    url = begin(app, 10)
    go_on(app, url, 0, b"abc")
    age(tmp_path, 990)
    assert go_on(app, url, 3, b"d").status_code == 204  # its time counts from here
    age(tmp_path, 990)
    assert offset_of(app, url) == 4
    age(tmp_path, 1010)
    assert "expired" in reason(go_on(app, url, 4, b"e"), 410)
    assert files(tmp_path) == []
    assert app.head(url, headers=TUS).status_code == 404


@pytest.mark.parametrize("sent_bytes", [0, 3])
@pytest.mark.parametrize("starts", [True, False], ids=["start", "another upload"])
def test_what_has_expired_is_removed_by_the_next_start_or_upload(
    tmp_path: Path, sent_bytes: int, starts: bool
) -> None:
    app = client(tmp_path)
    go_on(app, begin(app, 10), 0, b"abc"[:sent_bytes])
    age(tmp_path, 86_410)
    begin(app, 0) if not starts else client(tmp_path)
    assert unfinished(tmp_path) == []


def test_an_upload_does_not_expire_while_it_comes(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin(app, len(BODY))

    def meanwhile() -> None:
        age(tmp_path, 200_000)
        begin(client(tmp_path), 0)
        assert "another request" in reason(go_on(app, url, 0, b""), 423)

    body = Arriving(BODY, BLOCK_BYTES, meanwhile)
    assert send_arriving(app, url, body, len(BODY)).status_code == 204
    assert offset_of(app, url) == len(BODY)
    assert (tmp_path / url.rpartition("/")[2]).read_bytes() == BODY


def test_a_client_that_begins_and_sends_nothing_keeps_others_out_for_seconds_only(tmp_path: Path) -> None:
    app = client(tmp_path, MOST_OPEN_UPLOADS="3")
    started, *idle = [begin(app, 10 << 30) for _ in range(3)]
    go_on(app, started, 0, b"abc")
    assert (
        sum(path.stat().st_blocks for path in unfinished(tmp_path)) < 100
    )  # of what it has announced, nothing
    answer = app.post("/resumable", headers={**TUS, "Upload-Length": "10"})
    assert "3 unfinished uploads" in reason(answer, 503)
    age(tmp_path, float(answer.headers["Retry-After"]) + 1)
    assert go_on(app, begin(app, 3), 0, b"abc").status_code == 204
    assert offset_of(app, started) == 3
    assert {app.head(url, headers=TUS).status_code for url in idle} == {404}


def test_what_a_kill_leaves_of_a_new_upload_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: kill_self())
        killed(lambda: begin(app, 10))
    (info,) = [path for path in unfinished(tmp_path) if path.suffix == ".info"]
    info.with_name("0" * 32 + ".part").touch()  # as after a power cut
    assert app.head(f"/resumable/{info.stem}", headers=TUS).status_code == 404
    age(tmp_path, 86_410)
    client(tmp_path)
    assert files(tmp_path) == []


def test_a_sweep_between_making_and_locking_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, really = client(tmp_path), fcntl.fcntl

    def lock_late(*words: Any) -> Any:
        monkeypatch.setattr(fcntl, "fcntl", really)
        client(tmp_path)
        return really(*words)

    monkeypatch.setattr(fcntl, "fcntl", lock_late)
    url = begin(app, 3)
    go_on(app, url, 0, b"abc")
    assert stored(tmp_path, url) == b"abc"


@pytest.mark.parametrize(("fill_seconds", "sizes"), [(1e9, [64, 128, 256, 512, 1024, 1024]), (0.0, [64] * 6)])
def test_blocks_are_small_where_a_body_arrives_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill_seconds: float, sizes: list[int]
) -> None:
    """A cut costs at most the block that is being filled, and large blocks cost less CPU time."""
    monkeypatch.setattr("upload_app.body.FILL_SECONDS", fill_seconds)
    app, written, really = client(tmp_path), [], os.pwrite

    def note(file: int, block: Any, at: int) -> int:
        written.append(len(block) >> 10)
        return really(file, block, at)

    url = begin(app, sum(sizes) << 10)
    monkeypatch.setattr(os, "pwrite", note)
    assert go_on(app, url, 0, bytes(sum(sizes) << 10)).status_code == 204
    assert written == sizes


def test_strict_framing_and_other_sites_count_here_too(tmp_path: Path) -> None:
    app = client(tmp_path, STRICT_FRAMING="1", HOST="localhost")
    url = begin(client(tmp_path), 10)
    assert "Content-Range" in reason(go_on(app, url, 0, b"abc", Content_Range="bytes 0-2/10"), 400)
    assert "another site" in reason(go_on(app, url, 0, b"abc", Origin="http://elsewhere"), 403)
    assert offset_of(app, url) == 0
