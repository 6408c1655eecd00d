"""Lines over links on a clock that jumps: what takes minutes on a link takes milliseconds here."""

import asyncio
import selectors
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from uploadlab.model.links import Link
from uploadlab.runtimes.link.connections import RelayedLine

SETTLE_SECONDS = 0.0002
"""Of the real clock, in which the kernel passes on what was sent; only the times depend on it."""
DEAD_SECONDS = 30.0
MOST_SECONDS = 60.0
"""Of the real clock, for what would go on for ever."""

SERVER_BYTES = 64 << 10
"""What the kernel keeps for a server that does not read."""


class JumpingSelector(selectors.DefaultSelector):
    """Where nothing is ready, the clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._end = time.monotonic() + MOST_SECONDS

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        assert time.monotonic() < self._end, "this does not end"
        time.sleep(SETTLE_SECONDS)
        ready = super().select(DEAD_SECONDS if timeout is None else 0)
        assert ready or timeout is not None, "nothing will happen any more"
        if not ready and timeout:
            self.now += max(0.0, timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop on that clock, which begins at 0."""

    def __init__(self) -> None:
        self.clock = JumpingSelector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


class Peer(asyncio.Protocol):
    """A client or a server: what it has got, when, and how its connection ended."""

    def __init__(self, made: Callable[["Peer"], None] = lambda peer: None) -> None:
        self.received = bytearray()
        self.times: list[tuple[float, int]] = []
        """When how many bytes in all had come."""
        self.ends: list[str] = []
        self._changed, self._made = asyncio.Event(), made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._made(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.times.append((asyncio.get_running_loop().time(), len(self.received)))
        self._changed.set()

    def eof_received(self) -> bool:
        self.ends.append("fin")
        self._changed.set()
        return True  # it may still say something

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            self.ends.append("reset")
        self._changed.set()

    async def until(self, met: Callable[["Peer"], Any]) -> None:
        while not met(self):
            self._changed.clear()
            await self._changed.wait()

    async def got(self, count: int) -> bytes:
        """What has come, when there are at least this many bytes."""
        await self.until(lambda peer: len(peer.received) >= count)
        return bytes(self.received)

    async def ended(self) -> list[str]:
        await self.until(lambda peer: peer.ends)
        return self.ends

    def reset(self) -> None:
        """End this side with a reset, as a program that is killed with bytes unread."""
        end = self.transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.transport.abort()


class LinkedServer:
    """A server behind a line: a peer for each connection, in order."""

    def __init__(self, link: Link, seed: str) -> None:
        self.link, self.seed = link, seed
        self.peers: list[Peer] = []
        self._came = asyncio.Event()

    def _take(self, peer: Peer) -> None:
        self.peers.append(peer)
        self._came.set()

    async def begin(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        end = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SERVER_BYTES)
        end.bind((host, 0))
        self.server = await loop.create_server(lambda: Peer(self._take), sock=end)
        port = self.server.sockets[0].getsockname()[1]
        self.line = RelayedLine(loop, self.link, self.seed, (host, port))

    def close_line(self) -> None:
        self.line.close()
        self.line.port = 0

    async def connect(self) -> tuple[Peer, Peer]:
        """A client over the line, and the server's side of its connection."""
        count = len(self.peers)
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(Peer, "127.0.0.1", self.line.port)
        while len(self.peers) == count:
            self._came.clear()
            await self._came.wait()
        return client, self.peers[count]


def over(
    link: Link, play: Callable[[LinkedServer], Awaitable[Any]], seed: str = "a", host: str = "127.0.0.1"
) -> Any:
    """What ``play`` returns, which may connect over a line of this link."""

    async def run() -> Any:
        server = LinkedServer(link, seed)
        await server.begin(host)
        try:
            return await play(server)
        finally:
            if server.line.port:
                server.close_line()
            server.server.close()
            for peer in server.peers:
                peer.transport.abort()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(run())


def link(**what: Any) -> Link:
    """A link that limits nothing but this."""
    return Link(name="tested", title="", **what)


def at(times: Sequence[tuple[float, int]], moment: float) -> int:
    """How many bytes had come by then."""
    return max((count for time, count in times if time <= moment), default=0)
