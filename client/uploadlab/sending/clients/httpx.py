"""httpx: its synchronous client."""

import ssl
from functools import cache

import httpcore
import httpx

from uploadlab.sending.clients.frame import Answer, Upload, serve, way


def session(upload: Upload) -> httpx.Client:
    """Return a client with the library's own settings, and none of the environment's."""
    auth = httpx.DigestAuth(*upload.login) if upload.login else None
    http2 = upload.way.endswith("-h2")
    verify = _context(upload.verify) if upload.way.endswith("-context") else upload.verify
    return httpx.Client(verify=verify, trust_env=False, auth=auth, http2=http2)


@way
def stream(client: httpx.Client, upload: Upload) -> Answer:
    """Send an open file by `content=`; httpx reads it in blocks of 64 KiB."""
    with upload.open() as file:
        return _answer(client.request(upload.verb, upload.url, content=file, headers=upload.headers))


@way
def stream_1m(client: httpx.Client, upload: Upload) -> Answer:
    """Send a generator of blocks of 1 MiB by `content=`, with a Content-Length."""
    headers = upload.headers | upload.length
    return _answer(client.request(upload.verb, upload.url, content=upload.blocks(), headers=headers))


@way
def stream_1m_context(client: httpx.Client, upload: Upload) -> Answer:
    """Send as `stream-1m` by a client whose `verify` is a TLS context that the process has made before.

    Otherwise each client makes one, and loads all certificates, even for http://.
    """
    return stream_1m(client, upload)


@way
def stream_bytes(client: httpx.Client, upload: Upload) -> Answer:
    """Send the file's content by `content=`, read into memory and handed over in one piece.

    httpx 0.28 copies all that is left after each send: time grows with the square of the size.
    """
    with upload.open() as file:
        content = file.read()
    return _answer(client.request(upload.verb, upload.url, content=content, headers=upload.headers))


@way
def stream_h2(client: httpx.Client, upload: Upload) -> Answer:
    """Send an open file by a client with `http2=True`; it uses HTTP/2 if the server offers it."""
    return stream(client, upload)


@way
def stream_1m_h2(client: httpx.Client, upload: Upload) -> Answer:
    """Send as `stream-1m` by a client with `http2=True`."""
    return stream_1m(client, upload)


@way
def chunked(client: httpx.Client, upload: Upload) -> Answer:
    """Send a generator of blocks of 1 MiB by `content=`: it has no length."""
    return _answer(client.request(upload.verb, upload.url, content=upload.blocks(), headers=upload.headers))


@way
def form(client: httpx.Client, upload: Upload) -> Answer:
    """Send an open file by `files=`, as its documentation shows first: httpx streams it."""
    with upload.open() as file:
        part = {upload.field: (upload.name, file)}
        return _answer(
            client.request(
                upload.verb, upload.url, files=part, data=upload.others_by_name, headers=upload.headers
            )
        )


CANNOT = {"form-docs": "it is the same as `form`"}
LACKS = {"expect": "httpx does not wait for 100 Continue: it sends the body at once"}


def get(client: httpx.Client, url: str) -> None:
    """Use the connection once."""
    client.get(url)


@cache
def _context(verify: bool | str) -> ssl.SSLContext:
    context: ssl.SSLContext = httpx.create_ssl_context(verify, trust_env=False)
    return context


def _answer(response: httpx.Response) -> Answer:
    location = response.headers.get("location")
    return Answer(response.status_code, response.content, location, protocol=response.http_version)


if __name__ == "__main__":
    serve(session, get, {"httpx": httpx.__version__, "httpcore": httpcore.__version__}, lacks=LACKS)
