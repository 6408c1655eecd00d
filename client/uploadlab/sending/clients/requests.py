"""requests: the library most Python programs send with, on urllib3."""

import requests
import requests_toolbelt
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from requests_toolbelt import MultipartEncoder

from uploadlab.sending.clients.frame import BLOCK_BYTES, Answer, Upload, serve, way


class Blocks(HTTPAdapter):
    """Sends blocks of 1 MiB."""

    def init_poolmanager(self, *args: object, **more: object) -> None:
        """Set urllib3's block size, too."""
        super().init_poolmanager(*args, blocksize=BLOCK_BYTES, **more)  # type: ignore[arg-type]


def session(upload: Upload) -> requests.Session:
    """Return a session with the library's own settings, and none of the environment's."""
    opened = requests.Session()
    opened.trust_env = False
    opened.verify = upload.verify
    opened.auth = HTTPDigestAuth(*upload.login) if upload.login else None
    if upload.way.endswith("-1m"):
        opened.mount("http://", Blocks())
        opened.mount("https://", Blocks())
    return opened


@way
def stream(opened: requests.Session, upload: Upload) -> Answer:
    """Send an open file by `data=`; urllib3 reads it in blocks of 16 KiB."""
    with upload.open() as file:
        return _answer(opened.request(upload.verb, upload.url, data=file, headers=upload.headers))


@way
def stream_1m(opened: requests.Session, upload: Upload) -> Answer:
    """Send an open file by `data=` through an adapter whose `blocksize` is 1 MiB."""
    return stream(opened, upload)


@way
def chunked(opened: requests.Session, upload: Upload) -> Answer:
    """Send a generator of blocks of 1 MiB by `data=`: it has no length."""
    return _answer(opened.request(upload.verb, upload.url, data=upload.blocks(), headers=upload.headers))


@way
def form(opened: requests.Session, upload: Upload) -> Answer:
    """Send a `MultipartEncoder` of requests-toolbelt by `data=`; it reads the file while it is sent."""
    with upload.open() as file:
        fields = [*upload.others, (upload.field, (upload.name, file, "application/octet-stream"))]
        body = MultipartEncoder(fields)
        headers = upload.headers | {"Content-Type": body.content_type}
        return _answer(opened.request(upload.verb, upload.url, data=body, headers=headers))


@way
def form_1m(opened: requests.Session, upload: Upload) -> Answer:
    """Send a `MultipartEncoder` through an adapter whose `blocksize` is 1 MiB."""
    return form(opened, upload)


@way
def form_docs(opened: requests.Session, upload: Upload) -> Answer:
    """Send an open file by `files=`: requests builds the whole form in memory."""
    with upload.open() as file:
        part = {upload.field: (upload.name, file)}
        return _answer(
            opened.request(upload.verb, upload.url, files=part, data=upload.others, headers=upload.headers)
        )


LACKS = {"expect": "requests does not wait for 100 Continue: it sends the body at once"}


def get(opened: requests.Session, url: str) -> None:
    """Use the connection once."""
    opened.get(url)


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, response.content, response.headers.get("Location"))


if __name__ == "__main__":
    versions = {module.__name__: module.__version__ for module in (requests, requests_toolbelt, urllib3)}
    serve(session, get, versions, lacks=LACKS)
