"""The sockets of a line: takes a client's connections and passes their bytes on by the line's schedule."""

import asyncio
import socket
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import Protocol

from uploadlab.model.links import CutBy
from uploadlab.runtimes.link.schedule import INSTANT, Direction, LineClock, Passage

EARLY_SECONDS = 0.0005
"""Bytes pass that much early: the selector wakes up to a millisecond late."""


class End(Enum):
    """The last word of a connection's side, in order after its bytes."""

    FIN = "fin"
    RESET = "reset"


Item = bytes | memoryview | End | CutBy
"""What arrives."""


class Owner(Protocol):
    """The connection that a flow belongs to."""

    def passed_end(self, flow: "Flow") -> None:
        """Hear that a flow has passed on the end of its source."""

    def passed_reset(self, flow: "Flow") -> None:
        """Hear that a reset of a flow's source has arrived."""

    def cut(self, by: CutBy) -> None:
        """Hear that the place of a cut has arrived."""


class Lane:
    """One direction of a line. Its flows take turns, a block each; bytes arrive in the order they left."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: LineClock, direction: Direction) -> None:
        self.loop, self.direction = loop, direction
        self._clock = clock
        self._waiting: deque[Flow] = deque()
        self._under_way: deque[tuple[float, Flow, Item]] = deque()
        self._turns: asyncio.TimerHandle | None = None
        self._arrivals: asyncio.TimerHandle | None = None

    def request(self, flow: "Flow") -> None:
        """Let a flow read its source, which has something, when it is the flow's turn."""
        if self._has_room():
            flow.read()
            return
        flow.await_turn()
        self._waiting.append(flow)
        if not self._turns:
            self._give_turns()

    def send(self, flow: "Flow", count: int, item: Item) -> Passage:
        """Put bytes or an end on their way."""
        passage = self.direction.send(count, self._clock.line_time(self.loop.time()))
        self._under_way.append((passage.arrives, flow, item))
        if passage.cut:
            self._under_way.append((passage.arrives, flow, passage.cut))
        if not self._arrivals:
            self._arrive()
        return passage

    def close(self) -> None:
        """Forget what is under way."""
        for timer in (self._turns, self._arrivals):
            if timer:
                timer.cancel()
        self._waiting.clear()
        self._under_way.clear()

    def _has_room(self) -> bool:
        return self._room_at() <= self.loop.time() + INSTANT  # a timer may be that early

    def _room_at(self) -> float:
        return self._clock.host_time(self.direction.room_at)

    def _give_turns(self) -> None:
        self._turns = None
        while self._waiting and self._has_room():
            self._waiting.popleft().read()
        if self._waiting:
            self._turns = self.loop.call_at(self._room_at(), self._give_turns)

    def _arrive(self) -> None:
        self._arrivals = None
        now = self.loop.time() + EARLY_SECONDS
        while self._under_way:
            at = self._clock.host_time(self._under_way[0][0])  # a stall may have moved it since
            if at > now:
                self._arrivals = self.loop.call_at(at - EARLY_SECONDS, self._arrive)
                return
            _, flow, item = self._under_way.popleft()
            flow.arrived(item)


class Flow:
    """One direction of a connection, from a socket to a socket."""

    def __init__(self, source: socket.socket, sink: socket.socket, lane: Lane, owner: Owner) -> None:
        self.source, self.sink = source, sink
        self.back: Flow | None = None
        """The other direction."""
        self._lane, self._owner = lane, owner
        self._loop = lane.loop
        self._most_bytes = lane.direction.most_under_way
        self._under_way = 0
        self._arrived: deque[Item] = deque()
        """What the sink does not take yet."""
        self._watched = self._awaits_turn = self._at_end = self._stopped = False
        self._source_is_lost = False

    def watch(self) -> None:
        """Read the source when it has something and it is this flow's turn."""
        if self._watched or self._awaits_turn or self._at_end or self._stopped:
            return
        if self._under_way < self._most_bytes:
            self._watched = True
            self._loop.add_reader(self.source, self._lane.request, self)

    def pause(self) -> None:
        """Leave the source alone."""
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self.source)

    def await_turn(self) -> None:
        """Leave the source alone until the lane calls ``read``."""
        self.pause()
        self._awaits_turn = True

    def stop(self) -> None:
        """Pass nothing on any more."""
        self.pause()
        self._stopped = True
        self._arrived.clear()
        self._loop.remove_writer(self.sink)

    def read(self) -> None:
        """Take a block from the source and send it."""
        self._awaits_turn = False
        if self._at_end or self._stopped:
            return
        try:
            block = self.source.recv(self._lane.direction.block_bytes)
        except BlockingIOError:
            self.watch()
        except OSError:
            self._end(End.RESET)
        else:
            if block:
                self._send(block)
            else:
                self._end(End.RESET if self._source_is_lost else End.FIN)

    def lose_source(self) -> None:
        """Pass on a reset after what the source has still sent: the other flow has met it."""
        if self._stopped:  # as its sink is lost, too
            self._owner.passed_reset(self)
        elif self._at_end:
            self._end(End.RESET)
        self._source_is_lost = True

    def arrived(self, item: Item) -> None:
        """Give something to the sink, in order."""
        if self._stopped:
            return
        self._arrived.append(item)
        self._deliver()

    def _send(self, block: bytes) -> None:
        self._under_way += len(block)
        if self._lane.send(self, len(block), block).cut:
            self._at_end = True
        if self._at_end or self._under_way >= self._most_bytes:
            self.pause()
        else:
            self.watch()

    def _end(self, end: End) -> None:
        self.pause()
        self._at_end = True
        self._lane.send(self, 0, end)

    def _deliver(self) -> None:
        while self._arrived:
            item = self._arrived[0]
            if isinstance(item, End | CutBy):
                self._arrived.popleft()
                self._deliver_end(item)
                continue
            try:
                count = self.sink.send(item)
            except BlockingIOError:
                count = 0
            except OSError:
                self._lose_sink()
                return
            self._under_way -= count
            if count < len(item):
                self._arrived[0] = memoryview(item)[count:]
                self._loop.add_writer(self.sink, self._deliver_more)
                return
            self._arrived.popleft()
        self.watch()

    def _deliver_more(self) -> None:
        self._loop.remove_writer(self.sink)
        self._deliver()

    def _deliver_end(self, item: End | CutBy) -> None:
        if isinstance(item, CutBy):
            self._owner.cut(item)
        elif item is End.RESET:
            self._owner.passed_reset(self)
        else:
            with suppress(OSError):  # a reset: the other flow passes it on
                self.sink.shutdown(socket.SHUT_WR)
            self._owner.passed_end(self)

    def _lose_sink(self) -> None:
        self.stop()
        if self.back:
            self.back.lose_source()
