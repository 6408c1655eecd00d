"""What Locust's fast client is given to send: blocks of our size, with a length where one is known."""

from typing import Any

from uploadlab.catalogue.methods import BLOCK_BYTES


class Sized:
    """A body of known length that is read in blocks.

    The fast client would send an object without ``len()`` chunked, and asks for 8 KiB at a time.
    """

    def __init__(self, body: Any, size_bytes: int) -> None:
        self._body, self._size_bytes = body, size_bytes

    def __len__(self) -> int:
        return self._size_bytes

    def read(self, _: int) -> bytes:
        """The next block, of whatever size is asked for."""
        return bytes(self._body.read(BLOCK_BYTES))


def for_fast_client(body: Any, file_bytes: int) -> Any:
    """The body that a method has made for requests, for Locust's fast client: same bytes, same framing."""
    if not hasattr(body, "read"):  # a generator is meant to go chunked, and bytes go at once
        return body
    return Sized(body, getattr(body, "len", file_bytes))
