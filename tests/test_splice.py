"""Bodies that the system moves from the connection to the file: whole, and nothing of the next request."""

import errno
import fcntl
import io
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from upload_app.body import BrokenBody, BudgetSpent, Deadline
from upload_app.gunicorn_body import read_into_blocks
from upload_app.room import NoRoom
from upload_app.splice import CannotSplice, receive_spliced
from uploadlab.units import MIB

from .small_disk import small_disk

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
SERVERS = ("werkzeug", "gunicorn", "gunicorn in blocks")


class Served(NamedTuple):
    """A request at a server: what it gives the app, and the client's end of the connection."""

    client: socket.socket
    connected: socket.socket
    environ: dict[str, Any]
    parser: Any

    def rest(self) -> bytes:
        """What the server finds on the connection afterwards, until its client has closed it."""
        if self.parser:
            return bytes(self.parser.unreader.take_buffered()) + self.connected.makefile("rb").read()
        return bytes(self.environ["wsgi.input"].read())


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serve(request.param) as made:
        yield made


class serve:  # noqa: N801  used like a function
    """A request for a body of ``length`` bytes, whose head the server has read."""

    def __init__(self, server: str, length: int = 5, sent: bytes = b"") -> None:
        self.client, self.connected = tcp_pair()
        head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
        self.client.sendall(head + sent)
        parser = None
        if server == "werkzeug":
            body: Any = self.connected.makefile("rb")
            while body.readline().strip():
                pass
        else:
            parser = RequestParser(Config(), self.connected, ("127.0.0.1", 1))
            read = next(parser)
            if server == "gunicorn in blocks":  # as the tuned rows have it
                read_into_blocks(None, read)
            body = read.body
        environ = {f"{server.partition(' ')[0]}.socket": self.connected, "wsgi.input": body}
        self.made = Served(self.client, self.connected, environ, parser)

    def __enter__(self) -> Served:
        return self.made

    def __exit__(self, *_: object) -> None:
        if not self.made.parser:
            self.made.environ["wsgi.input"].close()
        self.client.close()
        self.connected.close()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connected, _ = server.accept()
    return client, connected


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    with open(tmp_path / "file", "w+b") as file:
        yield file


def content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def move(made: Served, length: int, file: BinaryIO, seconds: float = 60) -> None:
    receive_spliced(made.environ, length, file, Deadline(seconds))


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("held", "later"),
    [
        (b"", b""),
        (b"", b"hello"),
        (b"hello", b""),
        (b"he", b"llo"),
        (b"h", b"ello" * 700_000),
        (b"h" * 9000, b"y"),
    ],
)
def test_a_body_is_moved_exactly_and_the_next_request_is_left(
    server: str, held: bytes, later: bytes, file: BinaryIO
) -> None:
    body = held + later
    first = body + NEXT if not later else held
    with serve(server, len(body), first) as made:
        sender = threading.Thread(target=made.client.sendall, args=(later + NEXT if later else b"",))
        sender.start()
        move(made, len(body), file)
        sender.join()
        made.client.shutdown(socket.SHUT_WR)
        assert content(file) == body
        if made.parser:
            assert next(made.parser).path == "/next"
        else:
            assert made.rest() == NEXT


@pytest.mark.parametrize("sent", [b"", b"hel"])
def test_a_body_that_ends_early_is_as_short_as_what_came(served: Served, sent: bytes, file: BinaryIO) -> None:
    served.client.sendall(sent)
    served.client.shutdown(socket.SHUT_WR)
    move(served, 5, file)
    assert content(file) == sent


def test_a_client_that_resets_is_no_end_of_the_body(served: Served, file: BinaryIO) -> None:
    served.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.client.close()
    with pytest.raises(BrokenBody):
        move(served, 5, file)


def test_a_budget_ends_a_wait_for_a_silent_client(served: Served, file: BinaryIO) -> None:
    with pytest.raises(BudgetSpent):
        move(served, 5, file, seconds=0.02)


@pytest.mark.parametrize("limit", ["timeout", "option"])
def test_a_servers_bound_for_silence_holds(served: Served, limit: str, file: BinaryIO) -> None:
    if limit == "timeout":
        served.connected.settimeout(0.02)
    else:
        served.connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 20_000))
    with pytest.raises(BrokenBody) as caught:
        move(served, 5, file)
    assert isinstance(caught.value.__context__, TimeoutError)
    if served.parser:
        assert not served.parser.finish_body()  # gunicorn closes the connection


def test_where_the_file_cannot_take_it_nothing_is_taken(served: Served, tmp_path: Path) -> None:
    served.client.sendall(b"hello")
    with open(tmp_path / "appended", "ab") as file, pytest.raises(CannotSplice, match="no splice"):
        move(served, 5, file)  # as splice(2) says: EINVAL where the file is only appended to
    assert served.environ["wsgi.input"].read(5) == b"hello"


@pytest.mark.parametrize("name", ["os.pipe", "fcntl.fcntl"])
def test_without_a_large_pipe_nothing_is_taken(
    served: Served, name: str, file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE if name == "os.pipe" else errno.EPERM, "no")

    module = os if name == "os.pipe" else fcntl
    served.client.sendall(b"hello")
    with monkeypatch.context() as patched:
        patched.setattr(module, name.partition(".")[2], fail)
        with pytest.raises(CannotSplice, match="no pipe"):
            move(served, 5, file)
    assert served.environ["wsgi.input"].read(5) == b"hello"


def test_what_is_not_known_exactly_is_not_spliced(file: BinaryIO) -> None:
    client, connected = tcp_pair()
    with client, connected, connected.makefile("rb") as body:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls = context.wrap_socket(connected.dup(), do_handshake_on_connect=False, server_hostname="x")
        plain: dict[str, Any] = {"werkzeug.socket": connected, "wsgi.input": body}
        with tls:
            for environ in (
                {"wsgi.input": body},
                {"werkzeug.socket": tls, "wsgi.input": body},
                {**plain, "wsgi.input": io.BytesIO(b"hello")},
                {**plain, "wsgi.input": client.makefile("rb")},
                {"gunicorn.socket": connected, "wsgi.input": body},
            ):
                with pytest.raises(CannotSplice, match="no plain connection"):
                    receive_spliced(environ, 5, file, Deadline(60))
        with pytest.raises(CannotSplice, match="no length"):
            receive_spliced(plain, None, file, Deadline(60))
    with serve("gunicorn", 6) as made, pytest.raises(CannotSplice):
        move(made, 5, file)  # the app and gunicorn disagree


def test_a_disk_that_fills_is_an_error_and_the_rest_of_the_body_stays_known(tmp_path: Path) -> None:
    length = 2 * MIB
    with (
        small_disk(tmp_path / "disk", MIB) as disk,
        serve("gunicorn", length) as made,
        open(disk / "file", "w+b") as file,
    ):
        sender = threading.Thread(target=made.client.sendall, args=(bytes(length) + NEXT,))
        sender.start()
        with pytest.raises(OSError, match="No space left") as caught:
            move(made, length, file)
        assert caught.value.errno == errno.ENOSPC
        assert next(made.parser).path == "/next"  # gunicorn reads and drops what is left of the body
        sender.join()


def test_1000_broken_uploads_leave_no_file_open(file: BinaryIO) -> None:
    def descriptors() -> int:
        return len([*Path("/proc/self/fd").iterdir()])

    with serve("werkzeug", 5, b"hel") as made:
        before = descriptors()
        for _ in range(1000):
            with pytest.raises(BudgetSpent):
                move(made, 5, file, seconds=0)
        made.client.close()
        assert descriptors() == before - 1


def test_a_look_at_the_disk_ends_an_upload(served: Served, file: BinaryIO) -> None:
    def look() -> None:
        raise NoRoom

    served.client.sendall(b"hello")
    with pytest.raises(NoRoom):
        receive_spliced(served.environ, 5, file, Deadline(60, look))
