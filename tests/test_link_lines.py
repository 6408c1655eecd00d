"""The lab's side of links, with the real program and the real clock."""

import hashlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from uploadlab.errors import LabError
from uploadlab.model.links import Cut, CutBy, Range
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.link.lines import Line, Links
from uploadlab.units import MIB

from .helpers import descendants, environment, wait_until
from .linked import link
from .listening import listen

PROGRAM = "uploadlab.runtimes.link.process"


@pytest.fixture
def links() -> Iterator[Links]:
    with Processes() as processes:
        yield Links(processes)


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers with the digest of all that it gets."""

    def answer(connection: socket.socket) -> None:
        with connection:
            got = hashlib.sha256()
            while block := connection.recv(MIB):
                got.update(block)
            connection.sendall(got.digest())

    with listen(answer) as url:
        yield int(url.rpartition(":")[2])


def upload(line: Line, body: bytes) -> bytes:
    """What the server at the end of a line answers."""
    with socket.create_connection((line.host, line.port), timeout=120) as client:
        client.sendall(body)
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


def test_an_upload_arrives_whole_over_each_of_several_lines(links: Links, port: int) -> None:
    body = bytes(range(256)) * 4096 * 8
    answers: list[bytes] = []

    def send(number: int) -> None:
        line = links.open(link(up=10**8, round_trip=0.02), "localhost", port, f"seed {number}")
        answers.append(upload(line, body))
        links.close(line)

    threads = [threading.Thread(target=send, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [hashlib.sha256(body).digest()] * 4


def test_a_line_that_is_closed_resets_what_is_left(links: Links, port: int) -> None:
    line = links.open(link(cuts=[Cut(Range(1, 1), CutBy.SILENCE)]), "127.0.0.1", port, "a")
    with socket.create_connection((line.host, line.port), timeout=120) as client:
        client.sendall(b"hello")
        links.close(line)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((line.host, line.port))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_a_target_that_cannot_be_reached_is_named(links: Links) -> None:
    port = closed_port()
    for host, shown in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")]:
        with pytest.raises(LabError) as raised:
            links.open(link(), host, port, "a")
        assert str(raised.value).startswith(f"link tested cannot reach {shown}:{port}: ")
        assert str(raised.value).endswith("; check that the server runs and listens there")
    for host in ("no-such-host.invalid", "a" * 100):  # a name's part has 63 letters at most
        with pytest.raises(LabError, match=f"cannot reach {host}:80: "):
            links.open(link(), host, 80, "a")


def programs() -> list[int]:
    """The links' programs that this process has started."""
    command = ["pgrep", "-f", PROGRAM]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split() if int(pid) in descendants()]


def test_the_program_starts_with_the_first_line_and_ends_with_the_lab(port: int) -> None:
    with Processes() as processes:
        links = Links(processes)
        assert programs() == []
        for _ in range(2):
            links.open(link(), "127.0.0.1", port, "a")
        assert len(programs()) == 1
    assert programs() == []


def test_a_program_that_has_died_is_started_again(port: int) -> None:
    with Processes() as processes:
        links = Links(processes)
        line = links.open(link(), "127.0.0.1", port, "a")
        (pid,) = programs()
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
        wait_until(lambda: not programs())
        links.close(line)  # it is gone already
        line = links.open(link(), "127.0.0.1", port, "a")
        assert upload(line, b"") == hashlib.sha256(b"").digest()


def test_the_program_ends_with_its_input() -> None:
    command = [sys.executable, "-m", PROGRAM]
    done = subprocess.run(
        command, env=environment(), input=b"", capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
