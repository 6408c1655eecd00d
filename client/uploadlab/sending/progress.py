"""A connection that shows how far it has got: bytes that the system took, and a line that has gone silent."""

import select
import socket
import struct
import time
from collections.abc import Callable
from fcntl import ioctl
from functools import partial
from termios import TIOCOUTQ
from typing import Any

from uploadlab.units import MIB

POLL_SECONDS = 0.25
ANSWER_TIMES = 2
"""How much longer than a line without progress a server may be silent that has got all."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of socket(7): what waits in the system is dropped, and the server sees the end at once."""

NOT_SENT_BYTES = 128 << 10
"""What the system takes beyond what the peer takes: more would only be sent twice after a break."""

Taken = Callable[[int], None]
"""Called with each number of bytes of a body that the system has taken."""


def keep_little_waiting(connected: socket.socket) -> None:
    """Have the system take few bytes that it cannot send yet, as far as it knows how (tcp(7))."""
    if option := getattr(socket, "TCP_NOTSENT_LOWAT", None):
        connected.setsockopt(socket.IPPROTO_TCP, option, NOT_SENT_BYTES)


def hand_over(connected: socket.socket, block: Any, taken: Taken) -> None:
    """Hand a block to the system; raise TimeoutError where it takes nothing for the socket's timeout.

    ``socket.sendall`` has that time for the whole block, however slow the line.
    """
    # urllib3 1.26 hands over a whole file, as http.client lets it.
    blocks = iter(partial(block.read, MIB), b"") if hasattr(block, "read") else [block]
    for each in blocks:
        rest = memoryview(each).cast("B")
        while rest:
            count = connected.send(rest)
            taken(count)
            rest = rest[count:]


def await_room(connected: socket.socket) -> None:
    """Wait until the system takes more bytes; raise TimeoutError after the socket's timeout."""
    seconds = connected.gettimeout()
    poll = select.poll()
    poll.register(connected, select.POLLOUT)
    if not poll.poll(None if seconds is None else 1000 * seconds):
        raise TimeoutError("timed out")  # the words of socket.sendall


def await_answer(connected: socket.socket, seconds: float) -> None:
    """Wait until an answer begins; raise TimeoutError after a silence.

    While the peer's system takes what is on its way, that is no silence. Once it has all, the server may be
    at work, and gets more time.
    """
    if getattr(connected, "pending", int)():  # TLS has it already
        return
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    waits, since = _waiting_bytes(connected), time.monotonic()
    while not poll.poll(1000 * min(POLL_SECONDS, seconds)):
        before, waits = waits, _waiting_bytes(connected)
        now = time.monotonic()
        if waits != before:
            since = now
        elif now - since >= seconds * (1 if waits else ANSWER_TIMES):
            raise TimeoutError(f"the line was silent for {now - since:.0f} s")


def drop_waiting(connected: socket.socket | None) -> None:
    """Have what the system still holds dropped when the socket is closed, so that it cannot arrive later."""
    if connected is not None and connected.fileno() >= 0:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


def _waiting_bytes(connected: socket.socket) -> int:
    """Return what the system holds that the peer does not have yet."""
    try:
        return int(struct.unpack("i", ioctl(connected, TIOCOUTQ, bytes(4)))[0])
    except OSError:  # not known of sockets, as on a Mac
        return 0
