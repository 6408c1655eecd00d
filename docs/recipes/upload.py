"""Uploads a file as it is: python upload.py FILE URL."""

import os
import sys
import time

import requests
from requests.adapters import HTTPAdapter
from rich import progress
from rich.console import Console
from rich.markup import escape

BLOCK_BYTES = 1 << 20
SILENCE_SECONDS = 60, 600  # for a connection; then for a block to leave, or the answer. By default, for ever
PAUSES_SECONDS = (1, 2, 4)  # before a further attempt
PASSING = (502, 503, 504)  # what a proxy says while the server behind it starts, or has too much to do

console = Console(stderr=True)


class UploadError(Exception):
    """Why the file is not stored, in one line."""


class Passing(UploadError):
    """Something that may be over in a moment."""


def upload(path, url, body=None):
    """Send a file, if need be again from its start; returns the server's answer.

    Raises UploadError, or OSError for a file that cannot be read. Where only the answer was lost, a further
    attempt stores a second copy.
    """
    for pause in PAUSES_SECONDS:
        try:
            return attempt(path, url, body or raw)
        except Passing as error:
            with console.status(escape(f"{error}; again in {pause} s")):
                time.sleep(pause)
    return attempt(path, url, body or raw)


def raw(file, size_bytes):
    """What requests needs to send the file as the body."""
    return {
        "method": "PUT",
        "data": file if size_bytes else b"",  # requests would send an empty file in chunks
        "headers": {"Content-Type": "application/octet-stream"},
    }


def attempt(path, url, body):
    """Send the file once; raises as upload(), and Passing."""
    bar = {"console": console, "transient": True, "disable": not console.is_terminal}
    with progress.open(path, "rb", description="Uploading", **bar) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        answer = send(url, body(file, size_bytes))
    if answer.get("size_bytes") != size_bytes:
        raise UploadError(f"{url} stored {answer.get('size_bytes')} of {size_bytes} bytes")
    return answer


def send(url, request):
    """The JSON of a 201; raises UploadError for any other answer, and Passing for none."""
    # A session of its own: uWSGI closes a connection after each answer without saying so.
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, Blocks())
        try:
            response = session.request(url=url, timeout=SILENCE_SECONDS, allow_redirects=False, **request)
        except requests.ReadTimeout as error:  # not to be repeated: the file may be stored
            raise UploadError(f"{url} took the file and gave no answer in time") from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Passing(f"{url}: {cause(error)}") from error
    answer = content(response)
    if response.status_code != 201:
        kind = Passing if response.status_code in PASSING else UploadError
        raise kind(f"{url} answered {response.status_code}: {answer.get('error', response.reason)}")
    return answer


def content(response):
    """The object in an answer; an empty one where a proxy answers with a page."""
    try:
        return dict(response.json())
    except (ValueError, TypeError):
        return {}


class Blocks(HTTPAdapter):
    """Sends 1 MiB at a time; by default 16 KiB, and then the client is the limit."""

    def init_poolmanager(self, *args, **kwargs):
        """As in requests, with a block size."""
        super().init_poolmanager(*args, blocksize=BLOCK_BYTES, **kwargs)


def cause(error):
    """The innermost reason: requests and urllib3 wrap it in long lines."""
    while error.__context__:
        error = error.__context__
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, (BrokenPipeError, ConnectionResetError)):
        # A refusal that comes while the file is sent is often lost this way.
        return f"{words}; is the file larger than the server takes?"
    return words


def main(body=raw):
    """The command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} FILE URL")
    _, path, url = sys.argv
    try:
        answer = upload(path, url, body)
    except (UploadError, OSError) as error:
        sys.exit(f"not uploaded: {error}")
    print(f"{path}: {answer['size_bytes']} bytes stored as {answer.get('id')}")


if __name__ == "__main__":
    main()
