"""A server that speaks HTTP/2 over TLS, and does with each request what a test says."""

import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings
import trustme
from uploadlab.private_urls import Private, keep

SILENCE_SECONDS = 60.0
"""Nobody is silent that long; it only ends what hangs."""
MORE_BYTES = 1_000_000
"""What each server adds at once to the 65535 bytes that all bodies together may have."""


class Http2Peer:
    """One connection of a client."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.stream = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_ended = False
        """Whether the client has ended its body."""
        self.error = ""
        """What broke the connection."""

    def begin(self, settings: dict[h2.settings.SettingCodes, int] | None = None) -> None:
        """Say what the server offers."""
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings or {})
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(MORE_BYTES)
        self.flush()

    def flush(self) -> None:
        self.connection.sendall(self.h2.data_to_send())

    def read(self) -> bool:
        """Take what comes; return whether the client is still there."""
        try:
            if data := self.connection.recv(1 << 16):
                for event in self.h2.receive_data(data):
                    self._note(event)
                self.flush()
                return True
        except OSError as error:
            self.error = str(error)
        return False

    def until(self, reached: Callable[[], bool]) -> None:
        """Read until it is reached; raise OSError, which ends the script, if the client is gone before."""
        while not reached():
            if not self.read():
                raise ConnectionError("the client is gone")

    def answer(self, status: int, body: bytes = b"", ends: bool = True) -> None:
        self.h2.send_headers(self.stream, [(":status", str(status)), ("server", "scripted")])
        self.h2.send_data(self.stream, body, end_stream=ends)
        self.flush()

    def _note(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived():
                self.stream = event.stream_id
                self.headers = {_text(name): _text(value) for name, value in event.headers}
            case h2.events.DataReceived():
                self.body += event.data
            case h2.events.StreamEnded():
                self.is_ended = True


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode()


class Http2Peers:
    """The connections of clients that speak HTTP/2, from the first to the last."""

    def __init__(self, path: str) -> None:
        self.path = path
        """Of requests to this server: clients of other tests may still try the port that their server had."""
        self.all: list[Http2Peer] = []

    def asking(self) -> list[Http2Peer]:
        """Those whose request is for this server."""
        return [peer for peer in self.all if peer.headers.get(":path") == self.path]


@contextmanager
def speak_http2(
    script: Callable[[Http2Peer], object], protocols: tuple[str, ...] = ("h2",)
) -> Iterator[tuple[SplitResult, Http2Peers]]:
    """An address whose certificate is trusted, and the connections so far; each goes through the script."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols([*protocols])
    peers = Http2Peers(f"/upload/{secrets.token_hex(4)}")
    taken: list[tuple[socket.socket, threading.Thread]] = []

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as connection:
            peers.all.append(Http2Peer(connection))
            script(peers.all[-1])

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                plain = listener.accept()[0]
                plain.settimeout(SILENCE_SECONDS)
                # A thread each: one that says nothing keeps no other waiting.
                taken.append((plain, threading.Thread(target=serve, args=(plain,), daemon=True)))
                taken[-1][1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener, authority.cert_pem.tempfile() as ca_file:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        keep(url, Private(ca_file=ca_file))
        try:
            yield urlsplit(f"{url}{peers.path}"), peers
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for _, each in taken:
                each.join()
