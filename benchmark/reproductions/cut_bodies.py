"""How a body ends for a Flask app whose client leaves: python cut_bodies.py [PACKAGE ...].

Needs Flask; tries the servers below that are installed. A client announces 20,000 bytes, or chunks, and sends
10,000 bytes. Then it closes the connection. The app reads request.stream and writes down how it ended.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

SENT, ANNOUNCED = 10_000, 20_000
NOT_CALLED = "the app is not called"
OUTCOME = "CUT_BODIES_OUTCOME"
"""The variable that names the file into which the app writes."""
APP = "cut_bodies:app"
SERVERS = {
    "werkzeug": ("werkzeug", ["-c", "import cut_bodies; cut_bodies.serve_werkzeug({port})"]),
    "gunicorn": ("gunicorn", ["-m", "gunicorn", "--no-control-socket", "--bind=127.0.0.1:{port}", APP]),
    "uWSGI": ("uwsgi", ["uwsgi", "--http-socket=127.0.0.1:{port}", f"--module={APP}", "--need-app"]),
    "waitress": ("waitress", ["-m", "waitress", "--listen=127.0.0.1:{port}", APP]),
    "gevent.pywsgi": ("gevent", ["-c", "import cut_bodies; cut_bodies.serve_gevent({port})"]),
    "cheroot": ("cheroot", ["-m", "cheroot", "--bind=127.0.0.1:{port}", APP]),
    "granian": ("granian", ["-m", "granian", "--interface=wsgi", "--port={port}", APP]),
    "uvicorn and a2wsgi": ("a2wsgi", ["-m", "uvicorn", "--port={port}", "cut_bodies:asgi_app"]),
    "hypercorn": ("hypercorn", ["-m", "hypercorn", "--bind=127.0.0.1:{port}", APP]),
    "tornado": ("tornado", ["-c", "import cut_bodies; cut_bodies.serve_tornado({port})"]),
    "pyvoy": ("pyvoy", ["pyvoy", "--interface=wsgi", "--port={port}", APP]),
}
"""The package of each server, and its command: a program beside Python, or Python's own arguments."""
HEADS = {
    "with a length": f"Content-Length: {ANNOUNCED}\r\n\r\n".encode() + b"x" * SENT,
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % SENT + b"x" * SENT + b"\r\n",
}


def app(environ, start_response):
    """Read the body as a Flask app does, and write down how it ended."""
    from flask import Flask, request

    received, end = 0, ""
    with Flask(__name__).request_context(environ):
        try:
            while block := request.stream.read(1 << 16):
                received += len(block)
        except Exception as error:
            end = f"an error: {type(error).__name__}"
    if environ["REQUEST_METHOD"] == "PUT":
        Path(os.environ[OUTCOME]).write_text(end or f"the end after {received:,} bytes")
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


async def asgi_app(scope, receive, send):
    """Serve the same app by the adapter that uvicorn's documentation names."""
    from a2wsgi import WSGIMiddleware

    await WSGIMiddleware(app)(scope, receive, send)


def serve_werkzeug(port):
    """Serve by the server of ``flask run``."""
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=True)


def serve_gevent(port):
    """Serve by gevent, as Flask's documentation shows it."""
    from gevent.pywsgi import WSGIServer

    WSGIServer(("127.0.0.1", port), app).serve_forever()


def serve_tornado(port):
    """Serve by Tornado's WSGIContainer, as Tornado's documentation shows it."""
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.wsgi import WSGIContainer

    HTTPServer(WSGIContainer(app)).listen(port, "127.0.0.1")
    IOLoop.current().start()


@contextmanager
def served(command, outcome):
    """Run a server; yield its port once it accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [word.format(port=port) for word in command]
    program = [sys.executable] if words[0].startswith("-") else []
    if not program:
        words[0] = str(Path(sys.executable).with_name(words[0]))
    paths = {"PYTHONPATH": str(Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1", OUTCOME: str(outcome)}
    with subprocess.Popen(
        [*program, *words],
        env=os.environ | paths,
        cwd=outcome.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as tried:
                    tried.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if tried.recv(1):
                        break
                time.sleep(0.1)
            yield port
        finally:
            server.kill() if command[0] == "uwsgi" else server.terminate()


def outcome_of(port, words, outcome):
    """Send a part of a body and leave; return what the app wrote down within three seconds."""
    outcome.unlink(missing_ok=True)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"PUT /upload HTTP/1.1\r\nHost: localhost\r\n" + words)
        time.sleep(0.2)
    for _ in range(30):
        with suppress(FileNotFoundError):
            return outcome.read_text()
        time.sleep(0.1)
    return NOT_CALLED


def is_installed(name):
    """Return whether the package can be imported, or has its program beside Python."""
    has_program = Path(sys.executable).with_name(name).exists()
    return bool(importlib.util.find_spec(name)) or (name == "uwsgi" and has_program)


def main():
    """Print a line for each server."""
    print(f"{SENT:,} of {ANNOUNCED:,} bytes sent; Flask {version('flask')}, Werkzeug {version('werkzeug')}")
    titles = list(HEADS)
    print(f"{'':26} {titles[0]:32} {titles[1]}")
    with tempfile.TemporaryDirectory() as folder:
        outcome = Path(folder) / "outcome"
        for title, (package, command) in SERVERS.items():
            if not is_installed(package) or (sys.argv[1:] and package not in sys.argv[1:]):
                continue
            with served(command, outcome) as port:
                ends = [outcome_of(port, words, outcome) for words in HEADS.values()]
            print(f"{title + ' ' + version(package):26} {ends[0]:32} {ends[1]}".rstrip())


if __name__ == "__main__":
    main()
