"""raw-sink: the ceiling for any Python server. It reads a body off a socket into a file.

No WSGI and no framework; the same HTTP contract, and the stored bytes can be checked like
any other's. It takes raw bodies with a Content-Length only.
"""

import json
import os
import platform
import time
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from upload_app import usage
from upload_app.settings import Settings
from upload_app.storage import NO_SPACE, Store


class Sink(BaseHTTPRequestHandler):
    """One connection, one request."""

    def __init__(self, settings: Settings, store: Store, *args: object) -> None:
        self.settings, self.store = settings, store
        super().__init__(*args)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        """Store the body; or reset the peaks of memory."""
        if self.path == "/usage/reset":
            return self._answer_usage(reset=True)
        started = time.perf_counter()
        length = self.headers.get("Content-Length", "")
        asked = urlsplit(self.path)
        if asked.path != "/request-stream":
            return self._answer(404, {"error": "raw-sink takes PUT /request-stream"})
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            return self._answer(411, {"error": "raw-sink takes bodies with a Content-Length"})
        (limit,) = parse_qs(asked.query).get("limit", [""])
        if limit.isdecimal() and len(limit) < 19 and int(length) > int(limit):
            return self._answer(413, {"error": f"too large: the most that is taken here is {limit} bytes"})
        try:
            with self.store.partial() as partial:
                if not self._copy(int(length), partial.file.fileno()):
                    return self._answer(400, {"error": f"the body ended before its {length} bytes"})
                upload_id = partial.commit()
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return self._answer(507, {"error": "no space left for this upload on the server"})
        seconds = time.perf_counter() - started
        self._answer(201, {"id": upload_id, "size_bytes": int(length), "seconds": seconds})

    do_PUT = do_POST  # noqa: N815  the name that http.server calls

    def do_GET(self) -> None:
        """Health, what is stored, and what was used."""
        if self.path == "/usage":
            return self._answer_usage()
        if self.path == "/healthz":
            versions = {"python": platform.python_version()}
            busy = self.store.in_progress()
            return self._answer(
                200,
                {"deployment": self.settings.deployment, "versions": versions, "uploads_in_progress": busy},
            )
        upload_id = urlsplit(self.path).path.removeprefix("/uploads/")
        try:
            size_bytes = self.store.size_bytes(upload_id)
            digest = self.store.digest(upload_id, "xxh3_128")
        except FileNotFoundError:
            return self._answer(404, {"error": f"no upload {upload_id!r}"})
        found = {"id": upload_id, "size_bytes": size_bytes, "algorithm": "xxh3_128", "digest": digest}
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
        """Say nothing of a request that went well."""

    def _answer_usage(self, reset: bool = False) -> None:
        if self.settings.run_dir is None:
            return self._answer(403, {"error": "usage is switched off here"})
        self._answer(200, usage.report(self.settings.run_dir, self.store, reset))

    def _copy(self, remaining: int, file: int) -> bool:
        """Body to file, with one buffer; False if the client stops early."""
        buffer = memoryview(bytearray(self.settings.block_size))
        while remaining:
            count = self.rfile.readinto1(buffer[:remaining])
            if not count:
                return False
            remaining -= count
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
    """Serve by the lab's environment contract."""
    settings = Settings.from_environment(os.environ)
    handler = partial(Sink, settings, Store(settings.data_dir))
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    ThreadingHTTPServer.request_queue_size = 128  # 5 by default: many clients at once would be turned away
    ThreadingHTTPServer(address, handler).serve_forever()


if __name__ == "__main__":
    main()
