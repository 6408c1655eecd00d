"""Uploads a file as it is by httpx: python upload_httpx.py FILE URL."""

import time
from functools import cache

import httpx

from sent_file import (
    CONNECT_SECONDS,
    MOST_ANSWER_BYTES,
    PAUSES_SECONDS,
    SILENCE_SECONDS,
    Passing,
    SentFile,
    UploadError,
    main,
)

# By default 5 s each, and a server may need longer for what it has in its cache.
TIMEOUT = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)


def upload(path, url, progress=None):
    """Send a file, if need be again from its start; returns the server's answer.

    Raises UploadError, or OSError for a file that cannot be opened. Where only the answer was lost, a further
    attempt stores a second copy.
    """
    with SentFile(path, progress) as file:
        headers = file.headers()
        for pause in PAUSES_SECONDS:
            try:
                return attempt(file, url, headers)
            except Passing:
                time.sleep(pause)
        return attempt(file, url, headers)


def attempt(file, url, headers):
    """Send the file once; raises UploadError, and Passing."""
    try:
        # A client of its own: some servers close a connection after each answer without saying so. It follows
        # no redirect, which could lead to any host.
        with (
            httpx.Client(timeout=TIMEOUT, verify=certificates()) as client,
            # An open file in place of the blocks would go by 64 KiB, and from wherever it is.
            client.stream("PUT", url, content=file.blocks(), headers=headers) as response,
        ):
            status, content = response.status_code, next(response.iter_raw(MOST_ANSWER_BYTES), b"")
    except httpx.ReadTimeout as error:  # not to be repeated: the file may be stored
        raise UploadError(f"{url} took the file and gave no answer in time") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UploadError(f"{url} is no address: {error} Write http://HOST/PATH") from error
    except httpx.TransportError as error:
        raise Passing(f"{url}: {str(error) or type(error).__name__}") from error
    return file.stored(url, status, content)


@cache
def certificates():
    """What servers are checked with: each client would load it again, which takes as long as many uploads."""
    return httpx.create_ssl_context()


if __name__ == "__main__":
    main(upload)
