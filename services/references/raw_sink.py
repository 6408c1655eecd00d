"""raw-sink: the ceiling for any Python server. It reads a body off a socket into a file.

No WSGI, no framework, and neither in memory. It has the app's HTTP contract, so its stored bytes are checked
like those of any deployment. It accepts only raw bodies with a Content-Length.
"""

import json
import os
import platform
import socket
import time
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from upload_app.cross_site import Hosts, find_foreign
from upload_app.settings import Settings
from upload_app.storage import Store
from upload_app.store_errors import REASONS, explain_store_error
from upload_app.usage import report_usage


class Sink(BaseHTTPRequestHandler):
    """A connection with one request."""

    def __init__(self, settings: Settings, store: Store, *args: object) -> None:
        self.settings, self.store, self.hosts = settings, store, Hosts.of(settings)
        super().__init__(*args)  # type: ignore[arg-type]

    def parse_request(self) -> bool:
        """Read the head; answer and return False if it is malformed, or a page of another site asks."""
        if not super().parse_request():
            return False
        environ = {"REQUEST_METHOD": self.command, "REQUEST_URI": self.path}
        for name in ("Host", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"):
            values = self.headers.get_all(name, [])  # joined as in WSGI: one that comes twice is refused
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = ",".join(values)
        refusal = find_foreign(environ, self.hosts)
        if refusal:
            self.close_connection = True  # on a body that stays unread
            self._answer(refusal.status, {"error": refusal.reason})
        return not refusal

    def do_POST(self) -> None:
        """Store the body, or reset the peaks of memory."""
        if self.path == "/usage/reset":
            return self._answer_usage(reset=True)
        started = time.perf_counter()
        length = self.headers.get("Content-Length", "")
        asked = urlsplit(self.path)
        if asked.path != "/request-stream":
            return self._answer(404, {"error": "raw-sink accepts only PUT /request-stream"})
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            return self._answer(411, {"error": "raw-sink accepts only bodies with a Content-Length"})
        (asked_limit,) = parse_qs(asked.query).get("limit", [""])
        limits = [int(asked_limit)] if asked_limit.isdecimal() and len(asked_limit) < 19 else []
        if self.settings.max_content_length is not None:
            limits.append(self.settings.max_content_length)
        if limits and int(length) > min(limits):
            return self._answer(413, {"error": f"too large: this server accepts at most {min(limits)} bytes"})
        try:
            self.store.room.require(int(length))
            with self.store.partial() as partial:
                if not self._copy(int(length), partial.file.fileno()):
                    return self._answer(400, {"error": f"the body ended before its {length} bytes"})
                upload_id = partial.commit()
        except OSError as error:
            if error.errno not in REASONS:  # the client has gone
                raise
            status, sentence = explain_store_error(error)
            return self._answer(status, {"error": sentence})
        seconds = time.perf_counter() - started
        self._answer(201, {"id": upload_id, "size_bytes": int(length), "seconds": seconds})

    do_PUT = do_POST  # noqa: N815  the name that http.server calls

    def do_GET(self) -> None:
        """Answer with health, usage, or size and digest of a stored upload."""
        if self.path == "/usage":
            return self._answer_usage()
        if self.path == "/healthz":
            health = {
                "deployment": self.settings.deployment,
                "versions": {"python": platform.python_version()},
                "uploads_in_progress": self.store.in_progress(),
            }
            return self._answer(200, health)
        upload_id = urlsplit(self.path).path.removeprefix("/uploads/")
        try:
            found = {
                "id": upload_id,
                "size_bytes": self.store.size_bytes(upload_id),
                "algorithm": "xxh3_128",
                "digest": self.store.digest(upload_id, "xxh3_128"),
            }
        except FileNotFoundError:
            return self._answer(404, {"error": f"no upload {upload_id!r}"})
        self._answer(200, found)

    def do_DELETE(self) -> None:
        """Remove a stored upload."""
        upload_id = self.path.removeprefix("/uploads/")
        try:
            self.store.delete(upload_id)
        except FileNotFoundError:
            return self._answer(404, {"error": f"no upload {upload_id!r}"})
        self._answer(204, None)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing about a request that succeeded."""

    def _answer_usage(self, reset: bool = False) -> None:
        if self.settings.run_dir is None:
            return self._answer(
                403, {"error": "usage is switched off here: start this deployment with USAGE=1 and RUN_DIR"}
            )
        self._answer(200, report_usage(self.settings.run_dir, self.store, reset))

    def _copy(self, remaining: int, file: int) -> bool:
        """Copy the body to a file, with one buffer; return False if the client stops early."""
        buffer = memoryview(bytearray(self.settings.block_size))
        while remaining:
            count = self.rfile.readinto1(buffer[:remaining])
            if not count:
                return False
            remaining -= count
            self.store.room.require()
            written = 0
            while written < count:
                written += os.write(file, buffer[written:count])
        return True

    def _answer(self, status: int, content: dict[str, Any] | None) -> None:
        body = json.dumps(content).encode() if content is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.CREATED and content:
            self.send_header("Location", f"/uploads/{content['id']}")
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve as the lab's environment contract says."""
    settings = Settings.from_environment(os.environ)
    handler = partial(Sink, settings, Store(settings.data_dir, settings.reserve_bytes))
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    if ":" in address[0]:
        ThreadingHTTPServer.address_family = socket.AF_INET6
    ThreadingHTTPServer.request_queue_size = 128  # 5 by default: too few for many clients at once
    ThreadingHTTPServer(address, handler).serve_forever()


if __name__ == "__main__":
    main()
