"""Uploads a file by tus 1.0, and goes on after a cut: python upload_resumable.py FILE URL."""

import base64
import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from sent_file import BLOCK_BYTES, MOST_ANSWER_BYTES, Passing, UploadError, main

TIMEOUT = 30, 60  # seconds for a connection, or for a block to leave; then for an answer
PAUSES_SECONDS = (0.2, 1, 2, 4, 10, 20, 30)  # before further attempts; all again if more has arrived
# 408: a slow line, what it has brought stays; 409, 423: another request has the upload; the server is away.
PASSING = (408, 409, 423, 429, 500, 502, 503, 504)
GONE = (404, 410)
PIECE = {"Content-Type": "application/offset+octet-stream"}
VERSION = {"Tus-Resumable": "1.0.0", "Accept-Encoding": "identity"}


def upload(path, url, progress=lambda sent_bytes, size_bytes: None, piece_bytes=1 << 40):
    """Send a file to a server that speaks tus; returns its id and size. Raises UploadError, or OSError.

    FILE.upload-url keeps the upload's address: the same call goes on even after this program was killed.
    Where a server on the way takes each body whole before it hands it on, only smaller pieces help.
    """
    memory = Path(f"{path}.upload-url")
    place, reached, pauses = memory.read_text() if memory.exists() else "", -1, list(PAUSES_SECONDS)
    with open(path, "rb", buffering=0) as file:
        while True:
            about = describe(path, file)
            size_bytes = int(about["Upload-Length"])
            try:
                place, offset = find(url, place, about)
                with suppress(OSError):  # where it cannot be kept, it is known until this program ends
                    memory.write_text(place)
                while offset < size_bytes:
                    if offset > reached:
                        reached, pauses = offset, list(PAUSES_SECONDS)
                    piece = Piece(file, offset, min(piece_bytes, size_bytes - offset), progress)
                    answer = ask("PATCH", place, (204,), {**PIECE, "Upload-Offset": str(offset)}, piece)
                    offset = arrived(answer, offset + 1, size_bytes)
                break
            except Passing:
                if not pauses:
                    raise
                time.sleep(pauses.pop(0))
        memory.unlink(missing_ok=True)
        if describe(path, file) != about:
            raise UploadError(f"{path} changed while it was sent: send it again when nothing changes it")
    return {"id": urlsplit(place).path.rpartition("/")[2], "size_bytes": size_bytes}


class Piece:
    """Bytes of the file, as requests sends them."""

    def __init__(self, file, offset, count, progress):
        self.file, self.offset, self.count, self.progress = file, offset, count, progress

    def __len__(self):
        return self.count

    def __iter__(self):
        at, end = self.file.seek(self.offset), self.offset + self.count
        while at < end:
            if not (block := self.file.read(min(BLOCK_BYTES, end - at))):
                raise UploadError(f"{self.file.name} ended after {at} bytes: something else changes it")
            yield block
            at += len(block)
            self.progress(at, os.fstat(self.file.fileno()).st_size)


def describe(path, file):
    """The headers that begin an upload. They differ for a file that has changed."""
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise UploadError(f"{path} is no file, so it cannot be sent again: save its content to one")
    known = {"filename": Path(path).name, "modified": str(found.st_mtime_ns)}
    words = (f"{key} {base64.b64encode(os.fsencode(value)).decode()}" for key, value in known.items())
    return {"Upload-Length": str(found.st_size), "Upload-Metadata": ",".join(words)}


def find(url, place, about):
    """The upload's address, and how much of it has arrived. If the server knows none, it begins."""
    if place and urlsplit(place)[:2] == urlsplit(url)[:2]:
        answer = ask("HEAD", place, (200, 204, *GONE))
        said = {name: set(answer.headers.get(name, "").split(",")) for name in about}
        if answer.status_code not in GONE and said == {name: set(about[name].split(",")) for name in about}:
            return place, arrived(answer, 0, int(about["Upload-Length"]))
    place = urljoin(url, ask("POST", url, (201,), about).headers.get("Location", ""))
    if place == url or urlsplit(place)[:2] != urlsplit(url)[:2]:
        raise UploadError(f"{url} answered with {place} as the upload's address, expected one of its own")
    return place, 0


def arrived(answer, least, most):
    """The offset that an answer names."""
    text = answer.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise UploadError(f"{answer.url} answered Upload-Offset: {text!r}, expected {least} to {most}")
    return int(text)


def ask(method, url, expected, headers=None, body=b""):
    """The answer to a request, if its status is one of these. Raises UploadError, and Passing."""
    how = {"headers": {**VERSION, **(headers or {})}, "allow_redirects": False, "stream": True}
    try:  # without a session: some servers close a connection after each answer and do not say so
        answer = requests.request(method, url, data=body, timeout=TIMEOUT, **how)
        content = next(answer.iter_content(MOST_ANSWER_BYTES), b"")
    except requests.RequestException as error:
        kind = UploadError if isinstance(error, ValueError) else Passing  # the former is no address
        raise kind(f"{url}: {error}") from error
    status = answer.status_code
    if status not in expected:
        kind = Passing if status in PASSING or (method == "PATCH" and status in GONE) else UploadError
        with suppress(ValueError, TypeError, KeyError, RecursionError):  # a proxy answers with a page
            raise kind(f"{url} answered {status}: {json.loads(content)['error']}")
        raise kind(f"{url} answered {status} {answer.reason}, expected {expected[0]}")
    return answer


if __name__ == "__main__":
    main(upload)
