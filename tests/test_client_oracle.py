"""The check of clients finds what is wrong: clients that lie, loop or lose a reason; broken forms."""

import hashlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from uploadlab.analysis.client_findings import client_findings
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import (
    BIG_BYTES,
    CHECKED_CLIENTS,
    STORES,
    ClientAttempt,
    ClientCase,
    ClientCaseKind,
    HangUp,
    Pause,
    Respond,
    Take,
)
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS, ClientProgram, read_client
from uploadlab.catalogue.methods import Method
from uploadlab.checking import client_stage
from uploadlab.checking.arrivals import BrokenBody, FileArrival, FormArrival
from uploadlab.checking.certificates import Certificates
from uploadlab.checking.client_oracle import HandedOver, Seen, judge_client
from uploadlab.checking.client_reproduction import script_of_way
from uploadlab.checking.client_stage import ClientStage
from uploadlab.checking.misbehaving import MisbehavingServer
from uploadlab.checking.reproduced_behaviour import UPLOAD, UPLOAD_SOURCES
from uploadlab.measuring.protocols import Workbench
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import CLIENT, Target
from uploadlab.presenting.client_answer import client_statements, client_title
from uploadlab.presenting.client_grid import client_grid
from uploadlab.sending import programs
from uploadlab.sending.clients.frame import Answer, Upload
from uploadlab.sending.clients.sources import SOURCES
from uploadlab.sending.programs import ProgramSent
from uploadlab.storage.run_folder import RunFolder

from .helpers import need, run_of
from .test_check import Watch

FILE = b"0123456789" * 1000
WHOLE = HandedOver(len(FILE), hashlib.sha256(FILE).hexdigest())
PUT = "PUT /upload HTTP/1.1\r\nContent-Length: {}\r\n\r\n"
TOO_LARGE = Respond(413, "too large for me")
CASE = "takes-a-file"
LIAR = '''
"""A client that lies."""

from urllib.parse import urlsplit
import socket

from uploadlab.sending.clients.frame import Answer, serve, way


def session(upload):
    parts = urlsplit(upload.url)
    return socket.create_connection((parts.hostname, parts.port))


@way
def stream(connection, upload):
    """Send half of the file as if that were all."""
    half = open(upload.path, "rb").read()[: upload.size_bytes // 2]
    connection.sendall(b"PUT /upload HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(half) + half)
    return Answer(int(connection.recv(100).split()[1]))


@way
def stream_loop(connection, upload):
    """Never end."""
    while True:
        pass


@way
def stream_grab(connection, upload):
    """Take more and more memory."""
    taken = []
    while True:
        taken.append(bytes(1 << 26))


if __name__ == "__main__":
    serve(session, None, {"liar": "1"})
'''


@pytest.fixture
def liar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A client whose program is not the lab's."""
    path = tmp_path / "liar.py"
    path.write_text(LIAR)
    made: ClientProgram = read_client(path)._replace(module="liar")
    monkeypatch.setitem(CLIENTS, "liar", made)
    for way in made.ways:
        method = Method(f"liar.{way}", "/request-stream", "", client="liar", way=way)
        monkeypatch.setitem(CLIENT_METHODS, method.name, method)
    case = ClientCase(CASE, ClientCaseKind.SERVER, False, "", lambda: iter([ClientAttempt()]))
    monkeypatch.setitem(CLIENT_CASES, CASE, case)
    monkeypatch.setattr(programs, "client_environment", lambda name: tmp_path)
    monkeypatch.setattr(client_stage, "PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr(client_stage, "MOST_MEMORY_BYTES", 1 << 30)
    return "liar"


def test_a_client_that_lies_or_loops_or_grows_is_found(liar: str, tmp_path: Path) -> None:
    run = run_of()
    run.targets, run.checks = [Target(liar, "", CLIENT)], [CASE]
    folder = RunFolder.create(tmp_path, "check")
    folder.write_run(run)
    stage = ClientStage(Workbench(run, folder, tmp_path, None, lambda name: ""))  # type: ignore[arg-type]
    stage.execute(stage.remaining(), Watch())
    rows = {row.route: row for row in folder.read_checks()}
    assert rows["stream"].verdict is Verdict.LOSS
    assert (rows["stream"].stored_bytes, rows["stream"].code) == (300_000, "lost-part")
    assert rows["stream-loop"].verdict is Verdict.ENDLESS
    assert (rows["stream-grab"].verdict, rows["stream-grab"].code) == (Verdict.ENDLESS, "memory")
    assert folder.read_run().versions == {liar: {"liar": "1"}}
    assert not stage.remaining()
    assert client_title(run, folder.read_checks()).startswith("1 of 1 client report")
    (table,), notes = client_grid(run, folder.read_checks())
    assert next(line.cells[1] for line in table.rows if line.cells[0] == CASE) == "silent loss [1]"
    assert notes[0].startswith(f"[1] {CASE}: 201, but the server has 300000 of 600001 bytes")
    assert [said.head for said in client_statements(run, folder.read_checks())][:2] == ["Lost", "Endless"]


def talked(attempt: ClientAttempt, path: Path, talk: Callable[[socket.socket], object]) -> MisbehavingServer:
    """The server of an attempt after a client has talked to it."""
    server = MisbehavingServer(attempt.turns, path)
    host, _, port = server.url.rpartition("//")[2].partition(":")
    with socket.create_connection((host, int(port))) as connection, suppress(OSError):
        talk(connection)
    server.stop(5)
    return server


def put(content: bytes, announced: int | None = None) -> Callable[[socket.socket], object]:
    head = PUT.format(len(content) if announced is None else announced).encode()

    def talk(connection: socket.socket) -> None:
        connection.sendall(head + content)
        connection.recv(1000)

    return talk


DONE, REFUSED = ProgramSent(status=201), ProgramSent(status=413, content="too large for me")
CLOSES: ClientAttempt = ClientAttempt(((Take(10), TOO_LARGE, HangUp()),))


def test_the_end_of_tls_is_no_byte_after_the_body(tmp_path: Path) -> None:
    need("trustme")
    with Certificates(tmp_path) as certificates:
        server = MisbehavingServer(((*STORES, Pause(0.5)),), tmp_path / "file", certificates.context())
        trusted = ssl.create_default_context(cafile=str(certificates.authority))
    port = int(server.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusted.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(PUT.format(len(FILE)).encode() + FILE)
        assert b"201" in connection.recv(1000)
        connection.settimeout(0.01)
        with suppress(OSError):
            connection.unwrap()  # sends its last record, and waits for none
        server.stop()  # its thread is in the pause
    server.stop(5)
    (arrival,) = server.arrivals
    assert (arrival.is_whole, arrival.problem) == (True, "")


@pytest.mark.parametrize(
    ("attempt", "sent", "talk", "verdict", "code"),
    [
        (ClientAttempt(), DONE, put(FILE), Verdict.PASS, ""),
        (ClientAttempt(), DONE, put(FILE[1:]), Verdict.LOSS, "lost-part"),
        (ClientAttempt(), DONE, put(FILE[::-1]), Verdict.LOSS, "changed-bytes"),
        (ClientAttempt(), DONE, put(b""), Verdict.LOSS, "lost-all"),
        (ClientAttempt(), DONE, lambda connection: None, Verdict.LOSS, "no-request"),
        (ClientAttempt(), DONE, put(FILE + b"more", len(FILE)), Verdict.FAIL, "broken-body"),
        (ClientAttempt(), None, put(FILE), Verdict.ENDLESS, "endless"),
        (ClientAttempt(), ProgramSent(error="OSError"), put(FILE), Verdict.PASS, ""),
        (ClientAttempt(must_arrive=True), ProgramSent(error="OSError"), put(FILE), Verdict.FAIL, "not-sent"),
        (ClientAttempt(expect=True), DONE, put(FILE), Verdict.CANNOT, "cannot"),
        (CLOSES, REFUSED, put(FILE), Verdict.PASS, ""),
        (CLOSES, ProgramSent(error="reset"), put(FILE), Verdict.FAIL, "reason-lost"),
        (CLOSES, ProgramSent(error="413: too large for me"), put(FILE), Verdict.PASS, ""),
        (ClientAttempt(((Take(10), Respond(200), HangUp()),)), DONE, put(FILE), Verdict.LOSS, "lost-part"),
        (ClientAttempt(((Take(), Respond(307)),)), DONE, put(FILE), Verdict.LOSS, "no-request"),
    ],
)  # fmt: skip
def test_the_oracle(
    tmp_path: Path, attempt: ClientAttempt, sent: ProgramSent | None, talk: Callable[[socket.socket], object],
    verdict: Verdict, code: str,
) -> None:  # fmt: skip
    server = talked(attempt, tmp_path, talk)
    judged = judge_client(attempt, Seen(sent, server.arrivals, [WHOLE]))
    assert (judged.verdict, judged.code) == (verdict, code), judged.text


@pytest.mark.parametrize(
    ("status", "verb", "verdict"),
    [
        (303, "PUT", Verdict.DOCUMENTED),
        (302, "POST", Verdict.DOCUMENTED),
        (302, "PUT", Verdict.LOSS),
        (307, "POST", Verdict.LOSS),
    ],
)
def test_a_get_is_right_only_where_the_standard_allows_it(
    tmp_path: Path, status: int, verb: str, verdict: Verdict
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(PUT.format(len(FILE)).replace("PUT", verb).encode() + FILE)
        connection.recv(1000)
        connection.sendall(b"GET /moved HTTP/1.1\r\n\r\n")
        connection.recv(1000)

    server = talked(ClientAttempt(((Take(), Respond(status)),)), tmp_path, talk)
    assert judge_client(ClientAttempt(), Seen(DONE, server.arrivals, [WHOLE])).verdict is verdict


def form(disposition: bytes, content: bytes = FILE, end: bytes = b"\r\n--b--\r\n") -> bytes:
    return b"--b\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + content + end


NAMED = b'form-data; name="file"; filename='


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (NAMED + b'"a.bin"', "a.bin"),
        (NAMED + b'"a %22b%22%0D%0A.bin"', 'a "b"\r\n.bin'),
        (NAMED + rb'"a \"b\".bin"', 'a "b".bin'),
        (NAMED + '"é.bin"'.encode(), "é.bin"),
        (NAMED + b"\"x\"; filename*=UTF-8''%C3%A9.bin", "é.bin"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_form_is_read_in_any_pieces(disposition: bytes, name: str, step: int) -> None:
    file = FileArrival()
    reader = FormArrival("multipart/form-data; boundary=b", file)
    body = form(disposition, b"\r\n--" + FILE[:100])
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    reader.end()
    assert (file.size_bytes, reader.name) == (104, name)


@pytest.mark.parametrize(
    "body",
    [
        form(NAMED + b'"a"', end=b""),
        form(NAMED + b'"a"', end=b"\r\n--b-\r\n"),
        form(NAMED + b'"a"') + b"more",
        form(NAMED + b'"a"\r\nX-Injected: yes'),
        form(NAMED + b'"a"b"'),
        form(NAMED + b'"\xff"'),
        form(b'form-data; name="other"'),
        form(b'attachment; name="file"'),
    ],
)
def test_a_broken_form_is_no_file(body: bytes) -> None:
    reader = FormArrival("multipart/form-data; boundary=b", FileArrival())
    with pytest.raises(BrokenBody):
        reader.feed(body)
        reader.end()


def test_cases_of_both_checks_have_names_of_their_own() -> None:
    assert not set(CASES) & set(CLIENT_CASES)


def test_bodies_are_larger_than_what_a_connection_holds() -> None:
    most = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    early = [attempt for case in CLIENT_CASES.values() for attempt in case.attempts()
             if case.name.startswith("early-")]  # fmt: skip
    assert {attempt.size_bytes for attempt in early} == {BIG_BYTES}
    assert most + (1 << 18) < BIG_BYTES


def test_what_cannot_says_nothing_of_the_ways_that_can() -> None:
    run = run_of()
    run.targets, run.checks = [Target("a", "", CLIENT)], ["login"]
    rows = [
        Check(case="login", deployment="a", route=way, label="", started_at="", verdict=verdict, text="")
        for way, verdict in (("stream", Verdict.CANNOT), ("form", Verdict.PASS))
    ]
    assert [found.verdict for found in client_findings(run, rows)] == [Verdict.PASS]


def test_the_upload_of_a_script_has_all_that_programs_use() -> None:
    scope: dict[str, Any] = {"NamedTuple": NamedTuple}
    for source in SOURCES:
        exec(UPLOAD.replace("    OPEN\n", UPLOAD_SOURCES[source]), scope)  # the lab's own text
        made = scope["Upload"]
        assert {name for name in dir(Upload) if not name.startswith("_")} <= set(dir(made))
        assert {name for name in dir(Answer) if not name.startswith("_")} <= set(dir(scope["Answer"]))


def test_the_script_of_each_way_stands_by_itself(tmp_path: Path) -> None:
    for client in CHECKED_CLIENTS:
        for way in CLIENTS[client].ways:
            script = script_of_way(client, way, ClientAttempt(kept=True, tls=True))
            assert "uploadlab" not in script
            (tmp_path / f"{client}.{way}.py").write_text(script)
    # An undefined name would be what the script does not have of the program's.
    command = ["ruff", "check", "--isolated", "--no-cache", "--select", "F821,E9", "."]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
