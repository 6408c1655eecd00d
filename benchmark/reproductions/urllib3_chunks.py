"""What urllib3 needs to send a generator of large blocks in chunks: python urllib3_chunks.py [MIB].

Needs urllib3 alone. Up to 1.26 it puts each chunk together in one bytearray; from 2.0 on it formats
bytes, which for a block of 1 MiB fetches and clears new memory several times.
"""

import sys
import time
from itertools import repeat

import urllib3
from urllib3.connection import HTTPConnection


class NoSocket(HTTPConnection):
    """A connection that sends to nobody."""

    def connect(self):
        self.sock = self

    def sendall(self, data):
        """Take the bytes."""

    def settimeout(self, seconds):
        """Never wait."""

    def close(self):
        """There is nothing to close."""


def main():
    """Print CPU seconds for each GB, for blocks of several sizes."""
    size_bytes = int(sys.argv[1] if len(sys.argv) > 1 else 256) << 20
    print(f"urllib3 {urllib3.__version__}, CPU s/GB")
    for block in (1 << 14, 1 << 17, 1 << 20):
        connection = NoSocket("localhost")
        before = time.process_time()
        connection.request_chunked("PUT", "/", body=repeat(bytes(block), size_bytes // block))
        print(f"blocks of {block:7} {1e9 * (time.process_time() - before) / size_bytes:6.2f}")


if __name__ == "__main__":
    main()
