"""aiohttp: asynchronous, with an HTTP implementation of its own."""

import ssl
from typing import Any

import aiohttp
from aiohttp import ClientSession, DigestAuthMiddleware, FormData, TCPConnector

from uploadlab.sending.clients.frame import Answer, Upload, serve, way


def session(upload: Upload) -> ClientSession:
    """Return a session with the library's own settings; it uses nothing of the environment."""
    middlewares = [DigestAuthMiddleware(*upload.login)] if upload.login else []
    return ClientSession(connector=TCPConnector(ssl=_ssl(upload)), middlewares=middlewares)


@way
async def stream(opened: ClientSession, upload: Upload) -> Answer:
    """Send an open file by `data=`; aiohttp reads it in a thread, in blocks of 256 KiB."""
    with upload.open() as file:
        return await _sent(opened, upload, data=file, headers=upload.headers)


@way
async def stream_1m(opened: ClientSession, upload: Upload) -> Answer:
    """Send an asynchronous generator of blocks of 1 MiB by `data=`, with a Content-Length."""
    return await _sent(opened, upload, data=upload.async_blocks(), headers=upload.headers | upload.length)


@way
async def chunked(opened: ClientSession, upload: Upload) -> Answer:
    """Send an asynchronous generator of blocks of 1 MiB by `data=`: it has no length."""
    return await _sent(opened, upload, data=upload.async_blocks(), headers=upload.headers)


@way
async def form(opened: ClientSession, upload: Upload) -> Answer:
    """Send a `FormData` with an open file by `data=`; aiohttp streams it. A dictionary does the same."""
    with upload.open() as file:
        fields = FormData(upload.others)
        fields.add_field(upload.field, file, filename=upload.name)
        return await _sent(opened, upload, data=fields, headers=upload.headers)


CANNOT = {"form-docs": "it is the same as `form`"}


async def get(opened: ClientSession, url: str) -> None:
    """Use the connection once."""
    async with opened.get(url) as response:
        await response.read()


def _ssl(upload: Upload) -> Any:
    if upload.insecure:
        return False
    return ssl.create_default_context(cafile=upload.ca_file) if upload.ca_file else True


async def _sent(opened: ClientSession, upload: Upload, **request: Any) -> Answer:
    expect = True if upload.expect else None
    async with opened.request(upload.verb, upload.url, expect100=expect, **request) as response:
        return Answer(response.status, await response.read(), response.headers.get("Location"))


if __name__ == "__main__":
    serve(session, get, {"aiohttp": aiohttp.__version__})
