"""What gunicorn's WSGI input costs with small reads: python gunicorn_small_reads.py [MIB].

Needs gunicorn alone. Each read of ``wsgi.input`` takes the next bytes out of what was received, and copies
the rest: in 27.0.1 up to 1 MiB, in 26.2.0 up to 8 KiB. Then the same with the input that the hook of
docs/recipes/gunicorn_body.py gives the app, where that file is found.
"""

import socket
import sys
import threading
import time
from pathlib import Path

import gunicorn
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
LINE = b"x" * 63 + b"\n"


def cpu_seconds(size_bytes, read, make):
    """Return the CPU seconds of the thread that reads a body of this size to its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connected, _ = server.accept()
    with client, connected:
        sender = threading.Thread(target=client.sendall, args=(LINE * (size_bytes // len(LINE)),))
        body = make(LengthReader(SocketUnreader(connected), size_bytes))
        sender.start()
        before, received = time.thread_time(), 0
        while block := read(body):
            received += len(block)
        used = time.thread_time() - before
        sender.join()
    if received != size_bytes:
        raise SystemExit(f"received {received} of {size_bytes} bytes")
    return used


def main():
    """Print CPU seconds for each GB, for reads of several sizes and for lines."""
    size_bytes = int(sys.argv[1] if len(sys.argv) > 1 else 16) << 20
    print(f"gunicorn {gunicorn.__version__}, CPU s/GB")
    ways = {f"read({size})": lambda body, size=size: body.read(size) for size in (1 << 10, 1 << 14, 1 << 20)}
    ways["readline()"] = lambda body: body.readline()
    inputs = {"": Body}
    if RECIPES.exists():
        sys.path.append(str(RECIPES))
        from gunicorn_body import BufferedBody

        inputs[", read_into_blocks"] = BufferedBody
    for title, make in inputs.items():
        for name, read in ways.items():
            print(f"{name + title:32} {1e9 * cpu_seconds(size_bytes, read, make) / size_bytes:6.1f}")


if __name__ == "__main__":
    main()
