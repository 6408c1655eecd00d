"""What a WSGI server adds to a plain socket for a large body: python server_copies.py [MIB] [ROUNDS].

Needs gunicorn and granian, or one of them. Each serves a WSGI app that reads its input in blocks of 1 MiB and
drops them; the plain socket is read into one buffer. The kernel copies each byte once: system time. What
the process itself copies after that is user time. One process receives, another one sends.
"""

import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BLOCK_BYTES = 1 << 20
HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "docs" / "recipes"
GUNICORN = (
    "gunicorn",
    "--worker-class=gthread",
    "--threads=4",
    "--no-control-socket",
    "--bind=127.0.0.1:{port}",
)
HOOKED = "gunicorn, read_into_blocks"
SERVERS = {
    "gunicorn": (*GUNICORN, "server_copies:app"),
    HOOKED: (*GUNICORN, "--config={own}", "server_copies:app"),
    "granian": ("granian", "--interface=wsgi", "--host=127.0.0.1", "--port={port}", "server_copies:app"),
}
CONFIG = "from gunicorn_body import read_into_blocks as pre_request\n"


def used():
    """Return the CPU seconds of this process and all its threads: its own, and those of the system for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def receive(read, size_bytes):
    """Read a body to its end; return the user and the system time that took."""
    (user, system), left = used(), size_bytes
    while left and (count := read()):
        left -= count
    after = used()
    if left:
        raise SystemExit(f"received {size_bytes - left} of {size_bytes} bytes")
    return after[0] - user, after[1] - system


def app(environ, start_response):
    """Read the body as an app does; answer with what it took."""
    body, size_bytes = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
    answer = " ".join(map(str, receive(lambda: len(body.read(BLOCK_BYTES)), size_bytes))).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def send(port, size_bytes, head=b""):
    """Send a body; return the answer's last line."""
    block = bytes(BLOCK_BYTES)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head)
        for _ in range(size_bytes // BLOCK_BYTES):
            connection.sendall(block)
        answer = b"".join(iter(partial(connection.recv, 4096), b"")) if head else b""
        return answer.split(b"\r\n")[-1]


def from_socket(size_bytes):
    """Receive a body from a plain socket into one buffer."""
    buffer = bytearray(BLOCK_BYTES)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = multiprocessing.Process(target=send, args=(server.getsockname()[1], size_bytes))
        sender.start()
        connection, _ = server.accept()
    with connection:
        taken = receive(lambda: connection.recv_into(buffer), size_bytes)
    sender.join()
    return taken


def from_server(port, size_bytes):
    """Send a body to a server; return what its app says."""
    head = f"PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size_bytes}\r\n\r\n"
    user, system = send(port, size_bytes, head.encode()).split()
    return float(user), float(system)


@contextmanager
def served(command, folder):
    """Run a server; yield its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = folder / "hooked.conf.py"
    own.write_text(CONFIG)
    words = [word.format(port=port, own=own) for word in command]
    paths = {"PYTHONPATH": f"{HERE}{os.pathsep}{RECIPES}"}
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        env=os.environ | paths,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            for _ in range(200):
                with suppress(OSError, ValueError):
                    from_server(port, 0)
                    break
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()


def found():
    """Return the versions of the servers that are installed."""
    versions = {}
    for name in ("gunicorn", "granian"):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def main():
    """Print CPU seconds for each GB of every way, as means of rounds that take turns."""
    size_bytes = int(sys.argv[1] if len(sys.argv) > 1 else 64) << 20
    rounds = int(sys.argv[2] if len(sys.argv) > 2 else 5)
    versions = found()
    print("CPU s/GB: user, system, both;", ", ".join(f"{name} {number}" for name, number in versions.items()))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ways = {"plain socket": from_socket}
        for title, command in SERVERS.items():
            if command[0] in versions and (title != HOOKED or RECIPES.exists()):
                ways[title] = partial(from_server, stack.enter_context(served(command, folder)))
        sums = {title: [0.0, 0.0] for title in ways}
        for at in range(rounds + 1):  # the first one warms up
            for title, way in ways.items():
                taken = way(size_bytes)
                sums[title] = [total + new * bool(at) for total, new in zip(sums[title], taken, strict=True)]
    for title, both in sums.items():
        user, system = (seconds * 1e9 / size_bytes / rounds for seconds in both)
        print(f"{title:26} {user:6.2f} {system:6.2f} {user + system:6.2f}")


if __name__ == "__main__":
    main()
