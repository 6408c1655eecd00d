"""A file that the system sends by itself: no byte of it enters the client.

This is ``socket.sendfile``, step by step by ``os.sendfile``: each step is counted, a silent line is noticed,
and a file that goes by blocks after all is reported.
"""

import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator

from uploadlab.sending.progress import Taken, await_room, hand_over
from uploadlab.sending.source import AnnouncedFile
from uploadlab.units import MIB

PIECE_BYTES = 4 * MIB
"""What the system is asked to send at a time: smaller pieces cost the client more CPU."""
CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO)
"""Errors of sendfile(2) that are not the connection's. Reading the file shows whether they are the file's."""


class UncopiedFile:
    """The body of a request: an announced file, piece by piece.

    It yields itself as often as it has a piece for a connection, which calls ``hand_over_piece``. Where the
    system cannot send the file, the pieces are blocks like any other, and ``fell_back`` is called with why.
    """

    def __init__(self, file: AnnouncedFile, block_bytes: int, fell_back: Callable[[str], object]) -> None:
        self._file, self._block_bytes, self._fell_back = file, block_bytes, fell_back
        self._looked_at, self._in_blocks = False, False
        if not file.len:
            self._use_blocks("the file is empty")

    @property
    def len(self) -> int:
        """How many bytes are left, by the name that requests looks for."""
        return self._file.len

    def __iter__(self) -> Iterator["UncopiedFile"]:
        """Yield this file until all of it is sent."""
        while self.len:
            yield self

    def hand_over_piece(self, connected: socket.socket, taken: Taken) -> None:
        """Hand the next piece to the system; raise FileFault, and what ``hand_over`` raises."""
        left = min(PIECE_BYTES, self.len)
        if not self._looked_at:
            self._looked_at = True
            if why := _obstacle(connected, self._file):
                self._use_blocks(why)
        while left and not self._in_blocks:
            if count := self._send_some(connected, left):
                taken(count)
                left -= count
        if left:
            hand_over(connected, self._file.read(min(left, self._block_bytes)), taken)

    def _send_some(self, connected: socket.socket, most_bytes: int) -> int:
        """Have the system send what it takes now; return how many bytes that is."""
        is_full = False
        try:
            count = os.sendfile(connected.fileno(), self._file.descriptor, self._file.position, most_bytes)
        except BlockingIOError:
            is_full, count = True, 0
        except OSError as error:
            if error.errno not in CANNOT:
                raise
            self._file.find_place()
            self._use_blocks(f"sendfile: {error.strerror}")
            return 0
        if is_full:  # not where its error is handled, which is no cause of a silence
            await_room(connected)
        else:
            self._file.skip(count)
        return count

    def _use_blocks(self, why: str) -> None:
        self._in_blocks = True
        self._fell_back(f"sent in blocks: {why}")


def _obstacle(connected: socket.socket, file: AnnouncedFile) -> str:
    """Return why the system cannot send the file over the connection; nothing where it can."""
    if isinstance(connected, ssl.SSLSocket):
        return "over TLS the client has to encrypt each block"
    if type(connected) is not socket.socket or not hasattr(os, "sendfile"):
        return "this system has no sendfile for the connection"
    return "" if file.is_plain else "what is sent is no plain file"
