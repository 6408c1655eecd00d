"""Uploads in numbered parts: in any order, twice, several at a time; a file only once no part is missing."""

import random
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .resuming import (
    BLOCK_BYTES,
    TUS,
    Arriving,
    begin,
    cut,
    kill_self,
    killed,
    reason,
    send_arriving,
    unfinished,
)
from .small_disk import fill, small_disk
from .test_app import client, files

PART_BYTES = 3 * BLOCK_BYTES + 7
BODY = random.Random(2).randbytes(2 * PART_BYTES + 100)
PARTS = [BODY[at : at + PART_BYTES] for at in range(0, len(BODY), PART_BYTES)]


def begin_parts(app: FlaskClient, size: int = len(BODY), part: int = PART_BYTES) -> str:
    answer = app.post(f"/parts?size={size}&part={part}")
    assert answer.status_code == 201
    assert answer.get_json()["parts"] == -(-size // part)
    url = answer.headers["Location"]
    assert url == f"/parts/{answer.get_json()['id']}"
    return str(url)


def missing(app: FlaskClient, url: str) -> list[int]:
    answer = app.get(url).get_json()
    assert answer["size_bytes"] == len(BODY)
    found: list[int] = answer["missing"]
    return found


def put_arriving(app: FlaskClient, url: str, body: Arriving, length: int | None) -> TestResponse:
    return send_arriving(app, url, body, length, "PUT")


def test_parts_in_any_order_become_the_file(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    assert app.get(url).get_json() == {
        "size_bytes": len(BODY),
        "part_bytes": PART_BYTES,
        "missing": [0, 1, 2],
    }
    for number, left in ((2, [0, 1]), (0, [1])):
        assert app.put(f"{url}/{number}", data=PARTS[number]).status_code == 204
        assert missing(app, url) == left
        assert "missing: " + ", ".join(map(str, left)) in reason(app.post(url), 409)
    again = client(tmp_path)  # the server was started again
    assert missing(again, url) == [1]
    again.put(f"{url}/1", data=PARTS[1])
    upload_id = url.rpartition("/")[2]
    assert not (tmp_path / upload_id).exists()
    for _ in range(2):  # the first answer may be lost
        answer = again.post(url)
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/uploads/{upload_id}")
        assert (answer.get_json()["id"], answer.get_json()["size_bytes"]) == (upload_id, len(BODY))
        assert missing(again, url) == []
    assert files(tmp_path) == [tmp_path / upload_id]
    assert (tmp_path / upload_id).read_bytes() == BODY


def test_a_part_that_is_here_is_not_written_again(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    for body in (PARTS[0], b"x" * PART_BYTES):
        assert app.put(f"{url}/0", data=body).status_code == 204
    for number in (1, 2):
        app.put(f"{url}/{number}", data=PARTS[number])
    app.post(url)
    assert (tmp_path / url.rpartition("/")[2]).read_bytes() == BODY


def test_two_requests_do_not_write_to_one_part_but_to_two(tmp_path: Path) -> None:
    first, second = client(tmp_path), client(tmp_path)  # as two processes of one deployment
    url = begin_parts(first)

    def meanwhile() -> None:
        for app in (first, second):
            assert "try again" in reason(app.put(f"{url}/1", data=b"x" * PART_BYTES), 423)
            assert "try again" in reason(app.post(url), 423)
            assert "try again" in reason(app.delete(url), 423)
            assert app.get("/healthz").get_json()["uploads_in_progress"] == 1
        assert first.put(f"{url}/0", data=PARTS[0]).status_code == 204
        assert second.put(f"{url}/2", data=PARTS[2]).status_code == 204
        assert missing(second, url) == [1]

    body = Arriving(PARTS[1], BLOCK_BYTES, meanwhile)
    assert put_arriving(first, f"{url}/1", body, PART_BYTES).status_code == 204
    assert second.get("/healthz").get_json()["uploads_in_progress"] == 0
    assert second.post(url).status_code == 201
    assert (tmp_path / url.rpartition("/")[2]).read_bytes() == BODY


@pytest.mark.parametrize("act", [cut, kill_self], ids=["cut", "kill"])
@pytest.mark.parametrize("length", [PART_BYTES, None], ids=["length", "chunked"])
def test_a_part_counts_only_when_it_is_whole(tmp_path: Path, act: object, length: int | None) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    app.put(f"{url}/2", data=PARTS[2])
    if act is cut:
        assert put_arriving(app, f"{url}/1", Arriving(PARTS[1], BLOCK_BYTES, cut), length).status_code == 400
    else:
        body = Arriving(PARTS[1], BLOCK_BYTES, kill_self)
        killed(lambda: put_arriving(app, f"{url}/1", body, length))
    assert missing(app, url) == [0, 1]
    for number in (0, 1):
        app.put(f"{url}/{number}", data=PARTS[number])
    assert app.post(url).status_code == 201
    assert (tmp_path / url.rpartition("/")[2]).read_bytes() == BODY


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_part_of_another_length_is_refused(
    tmp_path: Path, number: int, more: int, is_chunked: bool
) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    body = (PARTS[number] + b"x")[: len(PARTS[number]) + more]
    length = None if is_chunked else len(body)
    answer = put_arriving(app, f"{url}/{number}", Arriving(body, -1, cut), length)
    assert f"part {number} of this upload has {len(PARTS[number])} bytes" in reason(answer, 400)
    assert missing(app, url) == [0, 1, 2]


def test_a_part_with_another_checksum_does_not_count(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    zero = "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    reason(app.put(f"{url}/0", data=PARTS[0], headers={"Upload-Checksum": zero}), 460)
    assert missing(app, url) == [0, 1, 2]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "size='' is not a number"),
        ("size=1", 400, "part='' is not a number"),
        ("size=-1&part=1", 400, "size='-1' is not a number"),
        ("size=1&part=0", 400, "part=0: send at least 1 bytes"),
        ("size=1e3&part=1", 400, "size='1e3' is not a number"),
        ("size=10001&part=2", 413, "at most 10000 bytes"),
        ("size=10001&part=2&limit=99", 413, "at most 99 bytes"),
        ("size=1000000000000&part=1000", 400, "part=1000: send at least 100000000 bytes"),
        (f"size={'9' * 19}&part=1", 400, "is not a number"),
    ],
)
def test_a_wrong_start_is_refused_and_leaves_nothing(
    tmp_path: Path, query: str, status: int, words: str
) -> None:
    answer = client(tmp_path, MAX_CONTENT_LENGTH="10000").post(f"/parts?{query}")
    assert words in reason(answer, status)
    assert files(tmp_path) == []


def test_there_is_no_such_part_or_upload(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    assert "no part 3" in reason(app.put(f"{url}/3", data=b""), 404)
    for address in (f"{url}/-1", f"{url}/x", f"{url}/{'9' * 5000}", f"{url}/1/1"):
        assert app.put(address, data=b"").status_code == 404
    for answer in (app.get, app.post, app.delete):
        assert "no unfinished upload" in reason(answer("/parts/x"), 404)
    # Each kind of upload has routes of its own.
    other = begin(app, 10)
    assert app.get(other.replace("resumable", "parts")).status_code == 404
    assert app.head(url.replace("parts", "resumable"), headers=TUS).status_code == 404


def test_an_empty_file_has_no_parts(tmp_path: Path) -> None:
    app = client(tmp_path)
    url = begin_parts(app, 0, 10)
    answer = app.post(url)
    assert (answer.status_code, answer.get_json()["size_bytes"]) == (201, 0)


@pytest.mark.parametrize("finished", [False, True])
def test_an_upload_can_be_removed(tmp_path: Path, finished: bool) -> None:
    app = client(tmp_path)
    url = begin_parts(app)
    for number in range(3 if finished else 1):
        app.put(f"{url}/{number}", data=PARTS[number])
    assert app.post(url).status_code == (201 if finished else 409)
    assert app.delete(url).status_code == 204
    assert files(tmp_path) == []
    assert app.delete(url).status_code == 404


def test_a_full_disk_costs_the_part_alone(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        app = client(disk)
        url = begin_parts(app)
        app.put(f"{url}/1", data=PARTS[1])
        filler = fill(disk, BLOCK_BYTES)
        assert "no space left" in reason(app.put(f"{url}/0", data=PARTS[0]), 507)
        assert missing(app, url) == [0, 2]
        filler.unlink()
        for number in (0, 2):
            app.put(f"{url}/{number}", data=PARTS[number])
        assert app.post(url).status_code == 201
        assert (disk / url.rpartition("/")[2]).read_bytes() == BODY
        assert unfinished(disk) == []


def test_parts_count_among_the_uploads_that_may_be_open(tmp_path: Path) -> None:
    app = client(tmp_path, MOST_OPEN_UPLOADS="2")
    begin(app, 10)
    begin_parts(app)
    assert "2 unfinished uploads" in reason(app.post("/parts?size=10&part=10"), 503)
