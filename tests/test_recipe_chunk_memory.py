"""Memory of the recipes' servers: it does not grow with a chunk's line, its trailers or its size."""

import socket
from contextlib import suppress

import pytest
from uploadlab.units import MIB

from .recipes import RECEIVE, Recipe, is_form

pytestmark = pytest.mark.slow

MOST_GROWTH_BYTES = 32 * MIB
SENT_BYTES = 96 * MIB
RAW = [title for title in RECEIVE if not is_form(title)]
HEAD = b"PUT /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = {
    "a line without an end": (b"5;name=", b"x" * MIB),
    "a size without an end": (b"", b"0" * MIB),
    "a trailer without an end": (b"0\r\nX: ", b"x" * MIB),
    "trailers without an end": (b"0\r\n", b"X: y\r\n" * (MIB // 6)),
    "a chunk of 96 MiB": (b"%x\r\n" % SENT_BYTES, b"x" * MIB),
}


@pytest.mark.parametrize("recipe", RAW, indirect=True, scope="module")
@pytest.mark.parametrize("name", CHUNKS)
def test_memory_does_not_grow_with_chunks(empty: Recipe, name: str) -> None:
    first, more = CHUNKS[name]
    before = empty.peak_bytes()
    assert before > 0
    client = socket.create_connection(("127.0.0.1", empty.port), timeout=120)
    with client, suppress(OSError):  # refused, and not waited for to the end
        client.sendall(HEAD + first)
        for _ in range(SENT_BYTES // MIB):
            client.sendall(more)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    assert empty.peak_bytes() - before < MOST_GROWTH_BYTES
