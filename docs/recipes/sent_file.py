"""What the clients by httpx, aiohttp and http.client share: the file, its digest, what an answer means."""

import base64
import hashlib
import json
import os
import stat
import sys

BLOCK_BYTES = 1 << 20  # smaller ones cost more CPU than the connection itself
CONNECT_SECONDS, SILENCE_SECONDS = 60, 600  # for a connection; then for a block to leave, or the answer
PAUSES_SECONDS = (1, 2, 4)  # before a further attempt
MOST_ANSWER_BYTES = 64 << 10  # a server may send without an end
PASSING = (429, 502, 503, 504)  # too much to do; or what a proxy says while the server behind it starts


class UploadError(Exception):
    """Why the file is not stored, in one line that is safe to print."""

    def __init__(self, words):
        super().__init__(plain(words))


class Passing(UploadError):
    """Something that may be over in a moment: the file can be sent again."""


class SentFile:
    """A file that is sent from its start as often as need be: the bytes that it has now, no more and no less.

    ``progress(sent_bytes, size_bytes)`` is called after each block; after a cut it begins again.
    """

    def __init__(self, path, progress=None):
        self.path, self.progress = path, progress or (lambda sent_bytes, size_bytes: None)
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115  closed by "with"
        about = os.fstat(self.file.fileno())
        if not stat.S_ISREG(about.st_mode):
            self.file.close()
            raise UploadError(f"{path} is no file, so it cannot be sent again: save its content to one")
        self.size_bytes = about.st_size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def headers(self, digest=True):
        """What is said of the body before it comes.

        The server can compare the digest (RFC 9530), so no other bytes are stored, whatever lies between.
        """
        return {
            "Accept-Encoding": "identity",  # a small answer cannot become a large one
            "Content-Type": "application/octet-stream",
            "Content-Length": str(self.size_bytes),
            **({"Repr-Digest": self._digest()} if digest else {}),
        }

    def _digest(self):
        found = hashlib.sha256()
        for block in self._blocks():
            found.update(block)
        return f"sha-256=:{base64.b64encode(found.digest()).decode()}:"

    def blocks(self):
        """Yield the file from its start, whatever was sent before."""
        sent_bytes = 0
        self.progress(0, self.size_bytes)
        for block in self._blocks():
            yield block
            sent_bytes += len(block)
            self.progress(sent_bytes, self.size_bytes)

    def _blocks(self):
        self.file.seek(0)
        left = self.size_bytes
        while left:
            block = self.file.read(min(BLOCK_BYTES, left))
            if not block:
                had = f"after {self.size_bytes - left} of its {self.size_bytes} bytes"
                raise UploadError(f"{self.path} ended {had}: send it again when nothing changes it")
            yield block
            left -= len(block)

    def stored(self, url, status, content):
        """The server's answer, if it says that it has every byte; raises UploadError, or Passing."""
        try:
            answer = dict(json.loads(content))
        except (ValueError, TypeError, RecursionError):  # a proxy answers with a page
            answer = {}
        if status != 201:
            kind = Passing if status in PASSING else UploadError
            raise kind(f"{url} answered {status}: {answer.get('error', 'expected 201')}")
        if answer.get("size_bytes") != self.size_bytes:
            raise UploadError(f"{url} stored {answer.get('size_bytes')} of {self.size_bytes} bytes")
        return answer


def plain(words):
    """One line without controls: words of a server, or a name, could steer the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(words)[:1000])


def show(sent_bytes, size_bytes):
    """Print the progress, if anyone watches."""
    if sys.stderr.isatty():
        end = "\n" if sent_bytes == size_bytes else ""
        print(f"\r{sent_bytes / max(size_bytes, 1):4.0%}", end=end, file=sys.stderr, flush=True)


def main(upload):
    """The command line of ``upload(path, url, progress)``."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} FILE URL")
    _, path, url = sys.argv
    try:
        answer = upload(path, url, show)
    except (UploadError, OSError) as error:
        sys.exit(f"not uploaded: {plain(error)}")
    print(plain(f"{path}: {answer['size_bytes']} bytes stored as {answer.get('id')}"))
