"""Uploads that would leave less than the reserve of free space are refused, or stopped."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from upload_app.room import FREE_FILES
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS, SPLICED
from .small_disk import fill, small_disk
from .test_app import CHUNKED, FORM_ROUTES, client, files, refused
from .test_faults import site
from .test_form_kinds import FILE, KIND, form, part

RAW_ROUTES = ["/request-stream", "/request-stream?reader=lines", SPLICED]
DISK, RESERVE = 64 * MIB, 24 * MIB
WORDS = f"keeps {RESERVE} bytes free"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK) as disk:
        yield disk


def free_bytes(folder: Path) -> int:
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


class Watched(io.RawIOBase):
    """A body of a known or unknown end, that sees how much of the disk is free while it is read."""

    def __init__(self, head: bytes, size: int, disk: Path) -> None:
        self.head, self.left, self.disk = head, size, disk
        self.read_bytes, self.least_free = 0, DISK

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.least_free = min(self.least_free, free_bytes(self.disk))
        block = self.head[: len(buffer)] or bytes(min(self.left, len(buffer), MIB))
        self.head, self.left = self.head[len(block) :], self.left - (0 if self.head else len(block))
        buffer[: len(block)] = block
        self.read_bytes += len(block)
        return len(block)


def kind_of(route: str) -> dict[str, str]:
    # Not among the headers: the test client would choose another boundary.
    return {"CONTENT_TYPE": KIND["Content-Type"] if route in FORM_ROUTES else "text/plain"}


def body_of(route: str, size: int, disk: Path) -> Watched:
    return Watched(part(FILE, b"")[:-2] if route in FORM_ROUTES else b"", size, disk)


@pytest.mark.parametrize("route", [*RAW_ROUTES, *FORM_ROUTES])
def test_an_announced_body_without_room_is_refused_before_it_is_read(disk: Path, route: str) -> None:
    app = client(disk, RESERVE_BYTES=str(RESERVE))
    fits, too_much = MIB // 16, 48 * MIB  # Werkzeug reads lines byte by byte
    for size in (too_much, fits):
        body = body_of(route, size, disk)
        announced = {"wsgi.input": body, "CONTENT_LENGTH": str(len(body.head) + size)}
        answer = app.post(route, environ_overrides={**announced, **kind_of(route)})
        if size == too_much:
            refused(answer, 507, WORDS, disk)
            assert body.read_bytes == 0
        else:  # a form without its last boundary
            assert answer.status_code == (400 if route in FORM_ROUTES else 201)


@pytest.mark.parametrize("route", [*RAW_ROUTES, *FORM_ROUTES])
def test_a_body_of_unknown_length_is_stopped_at_the_reserve(
    disk: Path, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    # Each look at the clock is a tenth of a second later, so that the disk is looked at before each read.
    ticks = iter(range(10**9))
    monkeypatch.setattr("upload_app.body.time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))
    app = client(disk, RESERVE_BYTES=str(RESERVE), BUDGET_SECONDS="10000000")
    body = body_of(route, 1 << 40, disk)
    endless = {
        "wsgi.input": io.BufferedReader(body, MIB),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    answer = app.post(route, environ_overrides={**endless, **kind_of(route)})
    refused(answer, 507, WORDS, disk)
    assert body.read_bytes > MIB
    assert body.least_free > RESERVE - 4 * MIB


def test_a_forms_spool_is_not_copied_where_the_copy_has_no_room(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    app = client(disk, RESERVE_BYTES=str(RESERVE))
    whole = form(part(FILE, bytes(24 * MIB)))  # which fits once, and not twice
    chunked = {**CHUNKED, "wsgi.input_terminated": True, "CONTENT_LENGTH": "", **kind_of("/request-files")}
    answers = [
        app.post(route, environ_overrides={**chunked, "wsgi.input": io.BytesIO(whole)})
        for route in ("/request-files", "/request-files?spool=direct")
    ]
    assert [answer.status_code for answer in answers] == [507, 201]
    assert WORDS in answers[0].get_json()["error"]


def test_empty_uploads_do_not_take_every_name_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client(tmp_path, RESERVE_BYTES="1000")
    full = SimpleNamespace(f_blocks=10**9, f_bavail=10**9, f_frsize=4096, f_files=10**6, f_favail=FREE_FILES)
    monkeypatch.setattr("os.statvfs", lambda _: full)
    assert app.put("/request-stream").status_code == 201
    full.f_favail -= 1
    assert app.put("/request-stream").status_code == 507
    full.f_files = full.f_favail = 0  # a filesystem that does not count them
    assert app.put("/request-stream").status_code == 201


def test_a_body_that_nginx_took_is_refused_at_the_hand_over(tmp_path: Path) -> None:
    path = tmp_path / "tmp" / "nginx" / "0000000001"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"taken")
    app = client(tmp_path, RESERVE_BYTES=str(1 << 62))
    answer = app.put("/request-stream", environ_overrides={"UPLOAD_FILE": str(path)})
    assert (answer.status_code, "free" in answer.get_json()["error"]) == (507, True)
    assert [file for file in files(tmp_path) if file != path] == []  # nginx removes its own


def test_a_profile_keeps_the_reserve_too(tmp_path: Path, disk: Path) -> None:
    app = client(
        tmp_path / "data", PROFILING="1", PROFILE_DIR=str(disk / "profiles"), RESERVE_BYTES=str(DISK)
    )
    answer = app.put("/request-stream?profile=1", data=b"x")
    assert answer.status_code == 201
    assert "bytes free" in answer.get_json()["profile_note"]
    assert files(disk) == []


STORING = [name for name in DEPLOYMENTS if name != "nginx-dav"]
"""nginx-dav stores without the app: it can bound a body, and knows no reserve."""


@pytest.mark.slow
@pytest.mark.parametrize("name", STORING)
def test_each_server_keeps_the_reserve(tmp_path: Path, name: str) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk, site(name, tmp_path, disk) as one:
        one.runtime._settings["RESERVE_BYTES"] = str(RESERVE)
        target = one.start()
        filler = fill(disk, RESERVE + 4 * MIB)
        answer = requests.put(f"{target.url}/request-stream", data=bytes(8 * MIB), timeout=60)
        # nginx hides an early refusal whose server closes before nginx has sent all: `nginx-uwsgi` is stock.
        if (name, answer.status_code) != ("nginx-uwsgi", 502):
            assert answer.status_code == 507
            assert "free" in answer.json()["error"]
        assert one.stored() == []
        filler.unlink()
        answer = requests.put(f"{target.url}/request-stream", data=bytes(8 * MIB), timeout=60)
        assert answer.status_code == 201
