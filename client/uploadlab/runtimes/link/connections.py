"""A line that listens, and each connection over it: how they begin and end."""

import asyncio
import select
import socket
import struct
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ

from uploadlab.model.links import CutBy, Link
from uploadlab.runtimes.link.relay import Flow, Lane
from uploadlab.runtimes.link.schedule import Schedule
from uploadlab.units import KIB, MIB

HOST = "127.0.0.1"
KERNEL_BYTES = 256 * KIB
"""Of a socket's buffer, each way: what waits there is not under way, and no schedule knows it."""
WAITING_CONNECTIONS = 1024
POLL_SECONDS = 0.005
PAUSE_SECONDS = 0.1
"""After a connection that could not be taken, as for want of file descriptors."""
MOST_DROPPED = MIB
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of socket(7): no time."""


class RelayedLine:
    """A port, from which connections lead to a target over a link."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, link: Link, seed: str, address: tuple[str, int]
    ) -> None:
        """Listen; raise OSError."""
        self.loop, self.address = loop, address
        self.schedule = Schedule(link, seed)
        self.up = Lane(loop, self.schedule.clock, self.schedule.up)
        self.down = Lane(loop, self.schedule.clock, self.schedule.down)
        self.connections: set[Connection] = set()
        self._listener = _tuned(socket.socket())
        self._listener.bind((HOST, 0))
        self._listener.listen(WAITING_CONNECTIONS)
        self.port: int = self._listener.getsockname()[1]
        self._listen()

    def close(self) -> None:
        """End all connections, with a reset, and listen no more."""
        self.loop.remove_reader(self._listener)
        self._listener.close()
        for connection in list(self.connections):
            connection.close(reset=True)
        self.up.close()
        self.down.close()

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            self.loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            self.loop.remove_reader(self._listener)
            self.loop.call_later(PAUSE_SECONDS, self._listen)
            return
        self.connections.add(Connection(self, _tuned(client)))


class Connection:
    """A client's connection, and one to the target."""

    def __init__(self, line: RelayedLine, client: socket.socket) -> None:
        self._line, self._client = line, client
        self._target: socket.socket | None = None
        self._flows: list[Flow] = []
        self._ended = 0
        self._silent_bytes = 0
        self._connecting = line.loop.create_task(self._connect())

    async def _connect(self) -> None:
        """Begin to pass bytes on when the target is reached; else reset the client's connection."""
        host, _ = self._line.address
        try:
            self._target = _tuned(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            await self._line.loop.sock_connect(self._target, self._line.address)
        except OSError:
            self.close(reset=True)
            return
        # The kernel has let the client in at once; over a real line, that takes a round trip.
        await asyncio.sleep(self._line.schedule.round_trip)
        up = Flow(self._client, self._target, self._line.up, self)
        down = Flow(self._target, self._client, self._line.down, self)
        up.back, down.back = down, up
        self._flows = [up, down]
        for flow in self._flows:
            flow.watch()

    def close(self, reset: bool = False) -> None:
        """Close both sockets."""
        self._connecting.cancel()
        for flow in self._flows:
            flow.stop()
        for end in (self._client, self._target):
            if end and end.fileno() >= 0:
                self._line.loop.remove_reader(end)
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                end.close()
        self._line.connections.discard(self)

    def passed_end(self, flow: Flow) -> None:
        """Close the connection when both directions have ended."""
        self._ended += 1
        if self._ended == len(self._flows):
            self.close()

    def passed_reset(self, flow: Flow) -> None:
        """Reset the other side when it has all bytes."""
        for each in self._flows:
            each.stop()
        self._close_when_sent(flow.sink, reset=True)

    def cut(self, by: CutBy) -> None:
        """End the connection at the place of a cut, which has arrived."""
        for flow in self._flows:
            flow.stop()
        up, _ = self._flows
        if by is CutBy.SILENCE:
            self._line.loop.add_reader(self._client, self._await_close)
        elif by is CutBy.RST:
            self._close_when_sent(up.sink, reset=True)
        else:
            for end in (up.source, up.sink):
                with suppress(OSError):  # it has gone already
                    end.shutdown(socket.SHUT_WR)
            # What the client sends after that meets a reset, as at a peer that has closed.
            self._line.loop.call_later(self._line.schedule.round_trip, self._close_when_sent, up.sink, False)

    def _close_when_sent(self, sink: socket.socket, reset: bool) -> None:
        """Close both sides when the sink has all bytes: a reset discards what the kernel still holds."""
        if sink.fileno() < 0:
            return
        if _holds_bytes(sink):
            self._line.loop.call_later(POLL_SECONDS, self._close_when_sent, sink, reset)
        else:
            self.close(reset)

    def _await_close(self) -> None:
        """Drop what a client says into the silence, up to a bound, and close when it closes."""
        try:
            count = len(self._client.recv(KERNEL_BYTES))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._silent_bytes += count
        if not count:
            self.close(reset=True)
        elif self._silent_bytes >= MOST_DROPPED:
            self._line.loop.remove_reader(self._client)
            self._await_reset()

    def _await_reset(self) -> None:
        """Close when the client has reset its connection, which shows although nothing is read from it."""
        if self._client.fileno() < 0:
            return
        ended = select.poll()
        ended.register(self._client, 0)  # errors and resets are always reported
        if ended.poll(0):
            self.close(reset=True)
        else:
            self._line.loop.call_later(PAUSE_SECONDS, self._await_reset)


def _tuned(end: socket.socket) -> socket.socket:
    """Return a socket that does not wait, does not gather bytes and does not hide megabytes."""
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        end.setsockopt(socket.SOL_SOCKET, option, KERNEL_BYTES)
    return end


def _holds_bytes(end: socket.socket) -> bool:
    """Return whether the kernel holds bytes of a socket that its peer does not have yet."""
    try:
        end.getpeername()  # raises if the peer has reset the connection
        return bool(struct.unpack("i", ioctl(end, TIOCOUTQ, bytes(4)))[0])
    except OSError:  # or not known of sockets, as on a Mac
        return False
