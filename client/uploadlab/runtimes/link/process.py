"""The link's program: all lines of a lab, in one process.

Orders come as JSON lines on standard input; each OpenLine is answered by a JSON line on standard output,
LineOpened or LineFailed. The program ends when its input ends.
"""

import asyncio
import gc
import resource
import sys
from contextlib import suppress

import msgspec

from uploadlab.errors import problem_of
from uploadlab.model.links import Link
from uploadlab.processes.jsonpipe import write_line
from uploadlab.runtimes.link.connections import RelayedLine


class OpenLine(msgspec.Struct, tag=True):
    """An order: listen for connections that go to a target over a link."""

    number: int
    link: Link
    host: str
    """An IP address."""
    port: int
    seed: str


class CloseLine(msgspec.Struct, tag=True):
    """An order: end a line and all its connections."""

    number: int


class LineOpened(msgspec.Struct, tag=True):
    """The line listens."""

    number: int
    port: int


class LineFailed(msgspec.Struct, tag=True):
    """The line cannot listen."""

    number: int
    why: str


async def _serve() -> None:
    """Carry out orders until the input ends."""
    loop = asyncio.get_running_loop()
    lines: dict[int, RelayedLine] = {}
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async for text in orders:
        order = msgspec.json.decode(text, type=OpenLine | CloseLine)
        if isinstance(order, CloseLine):
            if line := lines.pop(order.number, None):
                line.close()
            continue
        answer: LineOpened | LineFailed
        try:
            line = lines[order.number] = RelayedLine(loop, order.link, order.seed, (order.host, order.port))
            answer = LineOpened(order.number, line.port)
        except OSError as error:
            answer = LineFailed(order.number, problem_of(error))
        write_line(sys.stdout.buffer, answer)


def main() -> None:
    """Serve with as many file descriptors as the host allows: each connection takes two."""
    gc.freeze()  # as in uploadlab.__main__
    with suppress(ValueError, OSError):  # a system may allow fewer than its limit says
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
