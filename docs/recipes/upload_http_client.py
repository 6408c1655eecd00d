"""Uploads a file as it is, with nothing but Python: python upload_http_client.py FILE URL."""

import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from sent_file import (
    MOST_ANSWER_BYTES,
    PAUSES_SECONDS,
    SILENCE_SECONDS,
    Passing,
    SentFile,
    UploadError,
    main,
)

STEP_BYTES = 16 << 20  # between two looks at the progress
CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


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
    parts = urlsplit(url)
    if parts.scheme not in CONNECTIONS or not parts.hostname:
        raise UploadError(f"{url} is no address: write http://HOST/PATH")
    place = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        with closing(CONNECTIONS[parts.scheme](parts.netloc, timeout=SILENCE_SECONDS)) as connection:
            connection.putrequest("PUT", place)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            # A server that refuses may close before it has read all; its answer is there to be read.
            with suppress(ConnectionError):
                send(file, connection, is_plain=parts.scheme == "http")
            response = connection.getresponse()
            status, content = response.status, response.read(MOST_ANSWER_BYTES)
    except TimeoutError as error:  # not to be repeated: the file may be stored
        raise UploadError(f"{url} took too long for a connection, a block or its answer") from error
    except (OSError, HTTPException) as error:
        raise Passing(f"{url}: {str(error) or type(error).__name__}") from error
    return file.stored(url, status, content)


def send(file, connection, is_plain):
    """Send the file: by the kernel, without a copy in this program, where no TLS has to change the bytes."""
    if not is_plain:
        for block in file.blocks():
            connection.send(block)
        return
    sent_bytes = 0
    file.progress(sent_bytes, file.size_bytes)
    while sent_bytes < file.size_bytes:
        # It begins at the offset, wherever the file is; with an offset and no count it would send what the
        # file has grown by, too.
        step = min(STEP_BYTES, file.size_bytes - sent_bytes)
        count = connection.sock.sendfile(file.file, sent_bytes, step)
        if not count:
            raise UploadError(f"{file.path} ended after {sent_bytes} of its {file.size_bytes} bytes")
        sent_bytes += count
        file.progress(sent_bytes, file.size_bytes)


if __name__ == "__main__":
    main(upload)
