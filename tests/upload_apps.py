"""Upload servers of other people: small apps that are not the lab's, healthy, lossy, guarded or slow."""

import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any


class UploadApp:
    """A server that keeps uploads by the name of their files, and answers 200 with a path and a size.

    ``/up`` takes plain bodies and forms, ``/files/NAME`` gives a file back or removes it, ``/about/NAME``
    describes it.
    """

    def __init__(self, folder: Path, **traits: Any) -> None:
        self.folder = folder
        self.url = ""
        self.traits = traits
        self.heads: list[dict[str, str]] = []
        self.methods: list[str] = []
        self.parts: list[bytes] = []
        """Of forms, all that stands before the file."""
        self.received_bytes = 0
        self.numbers = count(1)

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def trait(self, name: str) -> Any:
        return self.traits.get(name)


class Handler(BaseHTTPRequestHandler):
    app: UploadApp

    def do_POST(self) -> None:
        app = self.app
        app.methods.append(self.command)
        app.heads.append(dict(self.headers))
        if (needs := app.trait("needs")) and self.headers.get(needs[0]) != needs[1]:
            return self.answer(401, {"error": f"no access with {dict(self.headers)}"})
        try:
            body = self.body()
        except ValueError:
            body = None
        if body is None:
            return self.answer(400, {"error": "no whole body"})
        app.received_bytes += len(body)
        if not self.headers.get("Content-Type", "").startswith("multipart/"):
            if app.trait("forms_only"):
                return self.answer(400, {"error": "no form"})
            return self.store(self.path.partition("/up/")[2], body)
        if app.trait("plain_only"):
            return self.answer(415, {"error": "no forms"})
        head, _, body = body.partition(b"\r\n\r\n")
        while b"filename=" not in head:  # a field before the file
            app.parts.append(head + body.partition(b"\r\n--")[0])
            body = body.partition(b"\r\n--")[2]
            if not body:
                return self.answer(400, {"error": "no file"})
            head, _, body = body.partition(b"\r\n\r\n")
        app.parts.append(head)
        name = head.partition(b'filename="')[2].partition(b'"')[0].decode(errors="replace")
        self.store(name, body.rpartition(b"\r\n--")[0])

    def store(self, name: str, body: bytes) -> None:
        """Keep a file as the app's traits say, and answer."""
        app = self.app
        if not app.trait("by_name") or not name or "/" in name or "\0" in name:
            name = f"{next(app.numbers)}.bin"
        if app.trait("loses"):
            body = body[: len(body) // 2]
        if not app.trait("drops"):
            (app.folder / name).write_bytes(body)
        if app.trait("waits"):
            threading.Event().wait(app.trait("waits"))
        said = {"ok": True, "path": f"files/{name}", "size": len(body), "id": name}
        self.answer(200, app.trait("says") or said, f"/files/{name}")

    do_PUT = do_PATCH = do_POST  # noqa: N815  the names that http.server calls

    def do_GET(self) -> None:
        path = self.app.folder / Path(self.path.partition("?")[0]).name
        self.app.methods.append(f"{self.command} {self.path}")
        if (needs := self.app.trait("needs")) and self.headers.get(needs[0]) != needs[1]:
            return self.answer(401, {})
        if not path.is_file():
            return self.answer(404, {"error": "nothing here"})
        if self.command == "DELETE":
            path.unlink()
            return self.answer(204, None)
        content = path.read_bytes()
        if self.path.startswith("/about/"):
            digest = hashlib.sha256(content).hexdigest()
            return self.answer(200, {"meta": {"bytes": str(len(content)), "sha256": digest.upper()}})
        self.answer(200, content)

    do_DELETE = do_GET  # noqa: N815

    def body(self) -> bytes | None:
        """Return the body; None if it ends early, or its end is not clear."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            content = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        blocks, left = list[bytes](), int(self.headers.get("Content-Length") or 0)
        stalls = self.app.trait("stalls")
        while left > 0 and (block := self.rfile.read(min(left, 1 << 16))):
            blocks.append(block)
            left -= len(block)
            if stalls and len(blocks) == 40:  # after 2.5 MiB
                threading.Event().wait(stalls)
        return None if left > 0 else b"".join(blocks)

    def answer(self, status: int, content: object, location: str = "") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0" if status == 204 else str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no news."""


@contextmanager
def upload_app(folder: Path, certificate: Path | None = None, **traits: Any) -> Iterator[UploadApp]:
    """Serve one on a free port; its folder is new."""
    folder.mkdir(parents=True)
    app = UploadApp(folder, **traits)
    handler = type("OwnHandler", (Handler,), {"app": app})
    server = Server(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    app.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def self_signed(folder: Path, name: str = "IP:127.0.0.1") -> Path:
    """Return a file with a key and a certificate, for that name alone, that nobody has signed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "own.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    words = [*command.split(), f"subjectAltName={name}", "-keyout", str(path), "-out", "-"]
    made = subprocess.run(words, capture_output=True, text=True, check=True)
    path.write_text(path.read_text() + made.stdout)
    return path
