"""httpx: its synchronous client."""

import httpx

from uploadlab.sending.clients.frame import Answer, Upload, serve, way


def session(upload: Upload) -> httpx.Client:
    """Return a client with the library's own settings, and none of the environment's."""
    return httpx.Client(verify=upload.verify, trust_env=False, auth=_auth(upload))


@way
def stream(client: httpx.Client, upload: Upload) -> Answer:
    """`content=` with an open file, which httpx reads in blocks of 64 KiB."""
    with upload.open() as file:
        return _answer(client.request(upload.verb, upload.url, content=file, headers=upload.headers))


@way
def stream_1m(client: httpx.Client, upload: Upload) -> Answer:
    """`content=` with a generator of blocks of 1 MiB, and a Content-Length."""
    headers = upload.headers | upload.length
    return _answer(client.request(upload.verb, upload.url, content=upload.blocks(), headers=headers))


@way
def chunked(client: httpx.Client, upload: Upload) -> Answer:
    """`content=` with a generator: no length is known."""
    return _answer(client.request(upload.verb, upload.url, content=upload.blocks(), headers=upload.headers))


@way
def form(client: httpx.Client, upload: Upload) -> Answer:
    """`files=` with an open file, as its documentation shows first: httpx streams it."""
    with upload.open() as file:
        part = {upload.field: (upload.name, file)}
        return _answer(client.post(upload.url, files=part, data=dict(upload.others)))


CANNOT = {"form-docs": "the same as form"}


def get(client: httpx.Client, url: str) -> None:
    """Use the connection once."""
    client.get(url)


def _auth(upload: Upload) -> httpx.DigestAuth | None:
    return httpx.DigestAuth(*upload.login) if upload.login else None


def _answer(response: httpx.Response) -> Answer:
    location = response.headers.get("location")
    return Answer(response.status_code, response.content, location, protocol=response.http_version)


if __name__ == "__main__":
    serve(session, get, {"httpx": httpx.__version__})
