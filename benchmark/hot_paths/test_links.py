"""How exact links are, and what a link costs that limits nothing: in real time, without pytest-benchmark."""

import socket
import statistics
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from uploadlab.declared.links import load_links
from uploadlab.model.links import Link
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.link.lines import Line, Links
from uploadlab.units import MIB

from .conftest import Note

HEAD = struct.Struct("!QQ")
"""What the server is to get after that, and to send."""
SECONDS = 1.5
"""Of a transfer, with the default size."""
EXCHANGES = 15
LINKS = {name: msgspec.structs.replace(link, cuts=[], stalls=[]) for name, link in load_links().items()}
"""Without what changes rate and round trip on purpose."""


class Started(Processes):
    """Remembers the program of the links."""

    def start(self, *words: Any, **more: Any) -> subprocess.Popen[bytes]:
        self.program = super().start(*words, **more)
        return self.program

    def cpu_seconds(self) -> float:
        return time.clock_gettime((~self.program.pid << 3) | 2)  # as clock_getcpuclockid(3) makes its number


@pytest.fixture(scope="module")
def processes() -> Iterator[Started]:
    started = Started()
    with started:
        yield started


@pytest.fixture(scope="module")
def open_line(processes: Started) -> Iterator[Callable[[Link], Line]]:
    """Lines to a server that gets and sends what it is asked for."""
    links = Links(processes)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=[listening], daemon=True).start()
        port = listening.getsockname()[1]
        yield lambda link: links.open(link, "127.0.0.1", port, "bench")


def serve(listening: socket.socket) -> None:
    with suppress(OSError):  # the end of the benchmarks
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=[connection], daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray(MIB)
        while head := connection.recv(HEAD.size, socket.MSG_WAITALL):
            up_bytes, down_bytes = HEAD.unpack(head)
            receive(connection, up_bytes, buffer)
            send(connection, down_bytes, buffer)


def receive(end: socket.socket, count: int, buffer: bytearray) -> None:
    while count:
        got = end.recv_into(buffer, min(count, len(buffer)))
        assert got, "the connection has ended"
        count -= got


def send(end: socket.socket, count: int, buffer: bytearray) -> None:
    while count:
        count -= end.send(memoryview(buffer)[:count])


def exchange(end: socket.socket, up_bytes: int, down_bytes: int, buffer: bytearray) -> float:
    """Seconds in which the server gets and sends that many bytes."""
    begin = time.perf_counter()
    send(end, HEAD.size, bytearray(HEAD.pack(up_bytes, down_bytes)))
    send(end, up_bytes, buffer)
    receive(end, down_bytes, buffer)
    return time.perf_counter() - begin


def connected(line: Line) -> socket.socket:
    end = socket.create_connection((line.host, line.port))
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_link(link: Link, open_line: Callable[[Link], Line], size: int, note: Note) -> None:
    seconds, buffer = SECONDS * size / (64 * MIB), bytearray(MIB)
    with connected(open_line(link)) as end:
        trips = [exchange(end, 1, 1, buffer) for _ in range(EXCHANGES if seconds > 1 else 1)]
        off = statistics.median(trips) - link.round_trip
        words = [f"round trip {1e3 * link.round_trip:g} ms, {1e3 * off:+.2f} ms"]
        for way, rate in (("up", link.up), ("down", link.down)):
            if count := int(rate * seconds):
                counts = (count, 1) if way == "up" else (1, count)
                took = exchange(end, *counts, buffer) - link.round_trip
                words.append(f"{way} {rate / 125_000:g} Mbit/s, {count / rate / took - 1:+.2%}")
    note(f"{link.name}: {'; '.join(words)}")


def test_link_that_limits_nothing(
    open_line: Callable[[Link], Line], processes: Started, size: int, note: Note
) -> None:
    buffer, count = bytearray(MIB), 16 * size
    with connected(open_line(Link(name="free", title=""))) as end:
        before = processes.cpu_seconds()
        took = exchange(end, count, 1, buffer)
        cost = (processes.cpu_seconds() - before) / (count / 1e9)
    note(f"no limits: {count / took / 1e6:.0f} MB/s, {cost:.2f} CPU seconds of the link per GB")
