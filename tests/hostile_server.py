"""A target that does what it can to the client, the terminal and the reader of a report."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BAD = (
    "E\x1b[31mred\x1b]8;;http://evil.example\x07L\x1b]8;;\x07 \x07\x08\x7f\x9b2J\x85 \u202erdr\u202c\u2066 "
    "z\u200bw\u2060n\ufeffj\u00adk\u115f\ufe0f \u2028\u2029\r[red]R[/red][link=http://evil.example]K[/link] "
    ":skull: <img src=x onerror=alert(1)> [md](http://evil.example) | cell | \n# heading\n=1+1\t@x `code"
)
"""C0, C1, bidirectional, zero-width and line separators, rich's markup, HTML, Markdown, a formula."""
FOR_A_HEADER = BAD.encode("latin-1", "ignore").decode("latin-1").replace("\n", " ").replace("\r", " ")


class Hostile:
    """What a hostile server answers, by verb: a status and a content; its words are everywhere."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self.answers = answers
        self.url = ""


@contextmanager
def hostile(healthy: bool = True, in_headers: bool = True, **answers: tuple[int, Any]) -> Iterator[Hostile]:
    """On a free port; POST stands for PUT, too. A strict client takes no such words in headers."""
    server = Hostile({"POST": (500, {"error": BAD, "id": BAD}), "GET": (500, {"error": BAD}), **answers})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            left = int(self.headers.get("Content-Length") or 0)
            while left > 0 and (block := self.rfile.read(min(left, 1 << 20))):
                left -= len(block)
            verb = "POST" if self.command == "PUT" else self.command
            status, content = server.answers.get(verb, (500, {}))
            if self.path == "/healthz":
                names = {"deployment": BAD, "uploads_in_progress": 0, "versions": {BAD: BAD, "n": 1}}
                status, content = (200, names) if healthy else (503, BAD)
            elif self.path.startswith("/usage"):
                used = {"pid": 1, "started": 1, "cpu_seconds": -1e300, "system_seconds": 0}
                content = {"processes": [{**used, "peak_rss_bytes": 1, "written_bytes": None}]}
                status = 200
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            words = FOR_A_HEADER if in_headers else "plain"
            self.send_response(status, words)
            self.send_header("Location", f"http://evil.example/{words}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the names that http.server calls

        def version_string(self) -> str:
            return FOR_A_HEADER if in_headers else "plain"

        def log_message(self, *_: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{served.server_port}"
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def harmful(text: str) -> list[str]:
    """The characters of an output that a terminal or a reader must not get."""
    return sorted({repr(letter) for letter in text if letter != "\n" and not letter.isprintable()})
