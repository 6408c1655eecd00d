"""A body that the system sends by itself: as whole, bounded and honest as one that is sent in blocks."""

import errno
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.catalogue.methods import METHODS, OWN_METHODS
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.declared.goals import Goals
from uploadlab.declared.plans import Group, Plan
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.order import Order
from uploadlab.paths import ROOT
from uploadlab.planning.cells import plan_cells
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.report import document_of
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.private_urls import VARIABLE, Private, keep
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.sending.connections import session
from uploadlab.sending.source import AnnouncedFile
from uploadlab.sending.uncopied import PIECE_BYTES, UncopiedFile
from uploadlab.sending.upload import upload
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .asked_server import ask
from .fake_server import serve
from .helpers import ALL_DEPLOYMENTS, RUN, measured, wait_until
from .holding_server import hold_uploads
from .listening import listen
from .receiving import receive
from .upload_apps import self_signed

ALIKE = ["request.stream-sendfile", "request.stream"]
"""The method, and the one that it must not differ from in anything but its cost."""
SIZE_BYTES = 2 * PIECE_BYTES + 1
UNREAD_BYTES = 16 * MIB
"""More than the system takes for a server that reads nothing."""
OVER_TLS = "sent in blocks: over TLS the client has to encrypt each block"


@pytest.fixture
def large(tmp_path: Path) -> Payload:
    return write_payload(tmp_path / "large.bin", UNREAD_BYTES)


def outcome_at(url: str, payload: Payload, method: str = "request.stream-sendfile") -> Outcome:
    return upload(url, METHODS[method], payload, 60).outcome


@pytest.mark.parametrize("size_bytes", [1, PIECE_BYTES, SIZE_BYTES])
def test_no_byte_of_the_file_enters_the_client(
    size_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = write_payload(tmp_path / "file", size_bytes)
    content = Path(payload.path).read_bytes()
    monkeypatch.setattr(AnnouncedFile, "read", lambda *_: pytest.fail("the client read the file"))
    with receive() as received:
        outcome = outcome_at(received.url, payload)
    assert (outcome.status, outcome.error, outcome.fallback) == (Status.OK, None, None)
    assert received.files == [content]


def test_over_tls_it_falls_back_to_blocks_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = write_payload(tmp_path / "file", SIZE_BYTES)
    monkeypatch.setattr("os.sendfile", lambda *_: pytest.fail("these bytes would not be encrypted"))
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv(VARIABLE, "{}")
    with ask(tls=context) as (url, asked):
        keep(url.rstrip("/"), Private(ca_file=str(certificate)))
        outcome = outcome_at(url.rstrip("/"), payload)
    assert (outcome.status, outcome.fallback) == (Status.OK, OVER_TLS)
    assert [request.body for request in asked] == [Path(payload.path).read_bytes()]


def test_an_empty_file_and_one_that_is_no_plain_file_go_by_blocks(tmp_path: Path) -> None:
    with receive() as received:
        empty = write_payload(tmp_path / "empty", 0)
        assert outcome_at(received.url, empty).fallback == "sent in blocks: the file is empty"
        pipe, content = tmp_path / "pipe", bytes(range(256)) * 4096
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(content,))
        writer.start()
        piped = outcome_at(received.url, Payload(str(pipe), len(content), ""))
        writer.join()
    assert (piped.status, piped.fallback) == (Status.OK, "sent in blocks: what is sent is no plain file")
    assert received.files == [b"", content]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
@pytest.mark.parametrize("sent_bytes", [0, MIB])
def test_where_the_system_cannot_send_the_rest_goes_by_blocks(
    number: int, sent_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload, send = write_payload(tmp_path / "file", SIZE_BYTES), os.sendfile

    def fail(out: int, source: int, offset: int, count: int) -> int:
        if offset >= sent_bytes:
            raise OSError(number, os.strerror(number))
        return send(out, source, offset, min(count, sent_bytes - offset))

    monkeypatch.setattr("os.sendfile", fail)
    with receive() as received:
        outcome = outcome_at(received.url, payload)
    assert outcome.fallback == f"sent in blocks: sendfile: {os.strerror(number)}"
    assert received.files == [Path(payload.path).read_bytes()]


def refuse(connection: socket.socket) -> None:
    """Answer 413 after the head, and close on a body that is unread: that resets the connection."""
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b'HTTP/1.1 413 No\r\nContent-Length: 20\r\n\r\n{"error": "too big"}')
        time.sleep(0.2)  # the answer is there before the reset


def reset(connection: socket.socket) -> None:
    """Reset the connection in the middle of a body."""
    connection.recv(MIB, socket.MSG_WAITALL)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize("method", ALIKE)
def test_an_early_answer_is_read_and_a_reset_is_a_failed_upload(method: str, large: Payload) -> None:
    with listen(refuse) as url:
        refused = outcome_at(url, large, method)
    assert (refused.status, refused.http_status, refused.error) == (Status.REFUSED, 413, "too big")
    with listen(reset) as url:
        broken = outcome_at(url, large, method)
    assert (broken.status, broken.http_status) == (Status.FAILED, None)
    assert broken.error


def test_a_server_that_stops_reading_is_given_up_as_with_blocks(large: Payload) -> None:
    with hold_uploads() as holding:
        found = [upload(holding.url, METHODS[name], large, 0.3).outcome for name in ALIKE]
    assert {outcome.status for outcome in found} == {Status.FAILED}
    assert {outcome.error for outcome in found} == {"TimeoutError: timed out"}


@pytest.mark.slow
def test_a_budget_ends_an_upload_that_the_system_is_sending(large: Payload) -> None:
    held: list[socket.socket] = []

    def hold(connection: socket.socket) -> None:
        if b"/usage" in connection.recv(1 << 16):
            connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        held.append(connection)

    with Processes() as processes, listen(hold) as url:
        outcome = Client(processes).measure(url, "request.stream-sendfile", large, 0.5)
    for connection in held:
        connection.close()
    assert (outcome.status, outcome.error) == (Status.TIMEOUT, "over 0.5 s")


def test_progress_is_counted_and_the_connection_serves_a_next_request(tmp_path: Path) -> None:
    payload = write_payload(tmp_path / "file", SIZE_BYTES)
    counts: list[int] = []
    laps: list[str] = []
    with ask() as (url, asked), session(laps.append, taken=counts.append) as connection:
        for _ in range(2):
            with open(payload.path, "rb") as file:
                announced = AnnouncedFile(file, payload.path, SIZE_BYTES)
                body: Any = UncopiedFile(announced, MIB, pytest.fail)
                assert connection.put(url, data=body, timeout=60).status_code == 201
    assert sum(counts) == 2 * SIZE_BYTES
    assert len(counts) >= 6
    assert laps.count("sent") == 2 * (1 + 3)  # the head, then the pieces
    assert [request.body for request in asked] == [Path(payload.path).read_bytes()] * 2
    assert {request.head["content-length"] for request in asked} == {str(SIZE_BYTES)}
    assert len({request.port for request in asked}) == 1


@pytest.mark.slow
def test_uploader_sends_by_it_and_ends_when_it_is_stopped(large: Payload) -> None:
    uploader = str(ROOT / "client" / "uploader.py")
    with hold_uploads() as holding:
        command = [
            sys.executable,
            uploader,
            large.path,
            "-t",
            "request.stream-sendfile",
            "--url",
            holding.url,
        ]
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: bool(holding.held))
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=60)
    assert (started.returncode, said.strip()) == (130, "uploader.py: stopped")


def test_a_plan_has_to_name_it_also_for_the_ceilings_that_accept_it() -> None:
    assert not {"request.stream-sendfile", "request.stream-zero-copy"} & set(OWN_METHODS)
    targets = [Target("flask", "", "stock")]
    for name in ("raw-sink", "nginx-dav"):
        targets.append(Target(name, "", "reference", ALL_DEPLOYMENTS[name].accepts))
    for methods in (["request.stream"], ["request.stream-sendfile"]):
        plan = Plan("x", [Group(["1MiB"], methods)])
        sent = {cell.cell for cell in plan_cells(plan, Order(), targets)}
        at_ceilings = {"request.stream", *methods}
        assert sent == {Cell("flask", methods[0], MIB)} | {
            Cell(target.name, method, MIB) for target in targets[1:] for method in at_ceilings
        }


def test_a_row_that_fell_back_says_so_wherever_it_is_shown(tmp_path: Path) -> None:
    rows = [
        measured("flask", method, 1.0, size_bytes=MIB, fallback=why)
        for method, why in [("request.stream-sendfile", OVER_TLS), ("request.stream", None)]
    ]
    run = msgspec.structs.replace(
        RUN, targets=[Target("flask", "", "stock")],
        cells=[Planned(Cell("flask", row.method, MIB), 1, 1) for row in rows],
    )  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    shown = document_of(folder, Goals())
    assert [said.text for said in shown.answer if said.head == "By blocks"] == [
        f"request.stream-sendfile on flask: {OVER_TLS}"
    ]
    text = as_markdown(shown)
    assert "| flask | request.stream-sendfile (by blocks) |" in text
    assert "| flask | request.stream |" in text
    assert f"- flask request.stream-sendfile: {OVER_TLS}" in text
    assert as_csv(shown).count(OVER_TLS) == 1
    assert OVER_TLS in cell_in_full(folder, "flask/request.stream-sendfile/1MiB")


def test_what_the_app_says_of_its_reader_is_kept_as_plain_text(payload: Payload) -> None:
    answer = {"id": "x", "fallback": "read in blocks:\x1b chunked"}
    with serve(POST=(201, answer)) as fake:
        assert outcome_at(fake.url, payload).fallback == r"read in blocks:\x1b chunked"
        answer["fallback"] = ""
        assert outcome_at(fake.url, payload).fallback is None
