"""httpx: its asynchronous client, under asyncio."""

import ssl
from functools import cache
from importlib.metadata import version
from typing import Any

import httpcore
import httpx

from uploadlab.sending.clients.frame import Answer, Upload, serve, way

FILE_BLOCK_BYTES = 1 << 16
"""As httpx itself reads files."""


def session(upload: Upload) -> httpx.AsyncClient:
    """Return a client with the library's own settings, and none of the environment's."""
    auth = httpx.DigestAuth(*upload.login) if upload.login else None
    http2 = upload.way.endswith("-h2")
    verify = _context(upload.verify) if upload.way.endswith("-context") else upload.verify
    return httpx.AsyncClient(verify=verify, trust_env=False, auth=auth, http2=http2)


@way
async def stream(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send an asynchronous generator of blocks of 64 KiB by `content=`, with a Content-Length.

    An open file by itself is a RuntimeError.
    """
    return await _put(client, upload, upload.async_blocks(FILE_BLOCK_BYTES), upload.length)


@way
async def stream_1m(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send an asynchronous generator of blocks of 1 MiB by `content=`, with a Content-Length."""
    return await _put(client, upload, upload.async_blocks(), upload.length)


@way
async def stream_1m_context(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send as `stream-1m` by a client whose `verify` is a TLS context that the process has made before.

    Otherwise each client makes one, and loads all certificates, even for http://.
    """
    return await stream_1m(client, upload)


@way
async def stream_h2(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send as `stream` by a client with `http2=True`; it uses HTTP/2 if the server offers it."""
    return await stream(client, upload)


@way
async def chunked(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send an asynchronous generator of blocks of 1 MiB by `content=`, or an asynchronous file as it is."""
    if upload.source == "async":
        with upload.open() as file:
            return await _put(client, upload, file)
    return await _put(client, upload, upload.async_blocks())


@way
async def form(client: httpx.AsyncClient, upload: Upload) -> Answer:
    """Send an open file by `files=`, as its documentation shows first: httpx streams it."""
    with upload.open() as file:
        part, others = {upload.field: (upload.name, file)}, upload.others_by_name
        return _answer(
            await client.request(upload.verb, upload.url, files=part, data=others, headers=upload.headers)
        )


CANNOT = {"form-docs": "it is the same as `form`"}
LACKS = {"expect": "httpx does not wait for 100 Continue: it sends the body at once"}


async def get(client: httpx.AsyncClient, url: str) -> None:
    """Use the connection once."""
    await client.get(url)


@cache
def _context(verify: bool | str) -> ssl.SSLContext:
    context: ssl.SSLContext = httpx.create_ssl_context(verify, trust_env=False)
    return context


async def _put(
    client: httpx.AsyncClient, upload: Upload, content: Any, length: dict[str, str] | None = None
) -> Answer:
    headers = upload.headers | (length or {})
    return _answer(await client.request(upload.verb, upload.url, content=content, headers=headers))


def _answer(response: httpx.Response) -> Answer:
    location = response.headers.get("location")
    return Answer(response.status_code, response.content, location, protocol=response.http_version)


if __name__ == "__main__":
    versions = {module.__name__: module.__version__ for module in (httpx, httpcore)}
    serve(session, get, versions | {"anyio": version("anyio")}, lacks=LACKS)
