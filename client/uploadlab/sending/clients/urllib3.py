"""urllib3: the library that requests is built on."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import urllib3

from uploadlab.sending.clients.frame import BLOCK_BYTES, Answer, Upload, serve, way

MARK = b"the file's content"
"""Where a form has its file."""


def session(upload: Upload) -> urllib3.PoolManager:
    """Return a pool with the library's own settings; it uses nothing of the environment."""
    blocks: dict[str, Any] = {"blocksize": BLOCK_BYTES} if upload.way.endswith("-1m") else {}
    if upload.insecure:
        return urllib3.PoolManager(cert_reqs="CERT_NONE", **blocks)
    return urllib3.PoolManager(ca_certs=upload.ca_file or None, **blocks)


@way
def stream(pool: urllib3.PoolManager, upload: Upload) -> Answer:
    """Send an open file by `body=`, with a Content-Length; urllib3 reads it in blocks of 16 KiB."""
    with upload.open() as file:
        headers = upload.headers | upload.length
        return _answer(pool.request(upload.verb, upload.url, body=file, headers=headers))


@way
def stream_1m(pool: urllib3.PoolManager, upload: Upload) -> Answer:
    """Send an open file by `body=`, with a Content-Length, by a pool whose `blocksize` is 1 MiB."""
    return stream(pool, upload)


@way
def chunked(pool: urllib3.PoolManager, upload: Upload) -> Answer:
    """Send an open file by `body=` alone: without a Content-Length it goes in chunks of 16 KiB."""
    with upload.open() as file:
        return _answer(pool.request(upload.verb, upload.url, body=file, headers=upload.headers))


@way
def form(pool: urllib3.PoolManager, upload: Upload) -> Answer:
    """Send a generator of a form's head, blocks of 1 MiB, and its end: urllib3 itself streams no form."""
    fields: Any = [*upload.others, (upload.field, (upload.name, MARK))]
    body, content_type = urllib3.encode_multipart_formdata(fields)
    head, _, end = body.rpartition(MARK)

    def content() -> Iterator[bytes]:
        yield head
        yield from upload.blocks()
        yield end

    length = str(len(head) + upload.size_bytes + len(end))
    headers = upload.headers | {"Content-Type": content_type, "Content-Length": length}
    return _answer(pool.request(upload.verb, upload.url, body=content(), headers=headers))


@way
def form_docs(pool: urllib3.PoolManager, upload: Upload) -> Answer:
    """Send the file's content by `fields=`: it is in memory twice, alone and in the form."""
    with upload.open() as file:
        fields: Any = [*upload.others, (upload.field, (upload.name, file.read()))]
    return _answer(pool.request(upload.verb, upload.url, fields=fields, headers=upload.headers))


LACKS = {
    "expect": "urllib3 does not wait for 100 Continue: it sends the body at once",
    "login": "urllib3 has no digest authentication",
}


def get(pool: urllib3.PoolManager, url: str) -> None:
    """Use the connection once."""
    pool.request("GET", url)


def _answer(response: "urllib3.BaseHTTPResponse") -> Answer:  # urllib3 1.26 has no class of that name
    return Answer(response.status, response.data, response.headers.get("Location"))


if __name__ == "__main__":
    serve(session, get, {"urllib3": version("urllib3")}, lacks=LACKS)
