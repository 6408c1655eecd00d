"""A body that the system moves from the connection to the file: splice(2), past Python. Needs no Flask.

Its bytes go from the connection to a pipe and from there to the file. They are copied once, into the file's
own memory: ``read`` and ``write`` copy them to this process and back.
"""

import errno
import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from upload_app.body import Deadline, broken_body
from upload_app.connection import Connection, find_connection

PIPE_BYTES = 1 << 20
"""As much as a pipe holds without privileges (pipe(7), /proc/sys/fs/pipe-max-size). Smaller ones cost more
CPU time than blocks do: each splice moves one pipe.
"""
REFUSES = (errno.EINVAL, errno.ENOSYS, errno.EPERM)
"""What splice(2) says where the file system, or a sandbox, does not have it."""


class CannotSplice(Exception):
    """A body that must be read otherwise, of which no byte was taken; its text is the reason."""


class Pipe(NamedTuple):
    """A pipe's two ends."""

    out: int
    into: int


def receive_spliced(environ: dict[str, Any], length: int | None, file: BinaryIO, deadline: Deadline) -> None:
    """Move the raw body of a request to a new file; fewer bytes than its ``length`` if it ends early.

    Raise CannotSplice before a byte is taken, later BrokenBody, BudgetSpent, and OSError for the file.
    """
    if length is None:
        raise CannotSplice("the body has no length")
    connection = find_connection(environ, length)
    if not connection:
        raise CannotSplice("this server shows the app no plain connection")
    with _open_pipe() as pipe:
        _try_file(pipe, file)
        deadline.check()
        with broken_body():
            first = connection.take_buffered(length)
        file.write(first)
        file.flush()
        _move(connection, pipe, file, len(first), length, deadline)


def _move(
    connection: Connection, pipe: Pipe, file: BinaryIO, at: int, length: int, deadline: Deadline
) -> None:
    """Move bytes from the connection to the file until it has ``length``, or the client sends no more."""
    arrival, silence = select.poll(), connection.silence_seconds()
    arrival.register(connection.socket, select.POLLIN)
    while at < length:
        seconds = min(deadline.left_seconds(), silence)
        with broken_body():
            if not arrival.poll(1000 * seconds):
                deadline.check()
                connection.give_up()
                raise TimeoutError("timed out")
            try:
                count = os.splice(connection.socket.fileno(), pipe.into, min(length - at, PIPE_BYTES))
            except BlockingIOError:  # what had arrived is gone, say for a wrong checksum: select(2)
                continue
        if not count:
            return
        connection.note_taken(count)
        end = at + count
        while at < end:
            at += os.splice(pipe.out, file.fileno(), end - at, offset_dst=at)


@contextmanager
def _open_pipe() -> Iterator[Pipe]:
    """Open a pipe that holds PIPE_BYTES, and close it; raise CannotSplice where the system has none."""
    try:
        pipe = Pipe(*os.pipe())
    except OSError:  # too many open files
        raise CannotSplice("the system gives no pipe") from None
    try:
        try:
            fcntl.fcntl(pipe.into, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # a user's pipes may hold 64 MiB together (pipe(7), pipe-user-pages-soft)
            raise CannotSplice(f"the system gives no pipe of {PIPE_BYTES} bytes") from None
        yield pipe
    finally:
        os.close(pipe.out)
        os.close(pipe.into)


def _try_file(pipe: Pipe, file: BinaryIO) -> None:
    """Move a byte of our own to the file, and take it away; raise CannotSplice if that fails."""
    os.write(pipe.into, b"\0")
    try:
        os.splice(pipe.out, file.fileno(), 1, offset_dst=0)
    except OSError as error:
        if error.errno not in REFUSES:
            raise
        raise CannotSplice("the file system has no splice") from None
    file.truncate(0)
