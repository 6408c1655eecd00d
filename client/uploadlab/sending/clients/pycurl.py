"""pycurl: libcurl for Python."""

from contextlib import closing
from io import BytesIO

import pycurl

from uploadlab.sending.clients.frame import BLOCK_BYTES, HTTP2, Answer, Cannot, Upload, serve, way


def session(upload: Upload) -> "closing[pycurl.Curl]":
    """Return a handle with libcurl's own settings, and none of the environment's."""
    curl = pycurl.Curl()
    curl.setopt(curl.NOPROXY, "*")
    if upload.ca_file:
        curl.setopt(curl.CAINFO, upload.ca_file)
    if upload.insecure:
        curl.setopt(curl.SSL_VERIFYPEER, 0)
        curl.setopt(curl.SSL_VERIFYHOST, 0)
    if upload.login:
        curl.setopt(curl.HTTPAUTH, curl.HTTPAUTH_DIGEST)
        curl.setopt(curl.USERNAME, upload.login[0])
        curl.setopt(curl.PASSWORD, upload.login[1])
    return closing(curl)


@way
def stream(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send an open file by `READDATA`, with `INFILESIZE_LARGE`; libcurl reads it in blocks of 64 KiB.

    Before a body of more than 1 MiB it waits for 100 Continue, for at most a second.
    """
    curl.setopt(curl.INFILESIZE_LARGE, upload.size_bytes)
    return _put(curl, upload)


@way
def stream_1m(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send as `stream` with an `UPLOAD_BUFFERSIZE` of 1 MiB."""
    curl.setopt(curl.UPLOAD_BUFFERSIZE, BLOCK_BYTES)
    return stream(curl, upload)


@way
def stream_no_expect(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send as `stream` with an empty header `Expect`: libcurl does not wait for 100 Continue."""
    return stream(curl, upload._replace(headers={**upload.headers, "Expect": ""}))


@way
def stream_h2(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send as `stream` over TLS: by itself libcurl uses HTTP/2 if the server offers it."""
    return stream(curl, upload)


@way
def chunked(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send an open file by `READDATA` alone: its length is unknown."""
    return _put(curl, upload)


@way
def form(curl: "pycurl.Curl", upload: Upload) -> Answer:
    """Send a file by `HTTPPOST` and `FORM_FILE`, as its documentation shows: libcurl opens and streams it."""
    if upload.source != "file":
        raise Cannot("libcurl opens a form's file by its path")
    part = (pycurl.FORM_FILE, upload.path, pycurl.FORM_FILENAME, upload.name)
    curl.setopt(curl.HTTPPOST, [*map(tuple, upload.others), (upload.field, part)])
    return _answer(curl, upload)


CANNOT = {"form-docs": "it is the same as `form`"}


def get(curl: "pycurl.Curl", url: str) -> None:
    """Use the connection once."""
    curl.setopt(curl.URL, url)
    curl.setopt(curl.WRITEDATA, BytesIO())
    curl.perform()


def _put(curl: "pycurl.Curl", upload: Upload) -> Answer:
    curl.setopt(curl.UPLOAD, 1)
    with upload.open() as file:
        curl.setopt(curl.READDATA, file)
        return _answer(curl, upload)


def _answer(curl: "pycurl.Curl", upload: Upload) -> Answer:
    headers = upload.headers | ({"Expect": "100-continue"} if upload.expect else {})
    content, head = BytesIO(), list[bytes]()
    curl.setopt(curl.URL, upload.url)
    curl.setopt(curl.CUSTOMREQUEST, upload.verb)
    curl.setopt(curl.HTTPHEADER, [f"{name}: {value}".strip() for name, value in headers.items()])
    curl.setopt(curl.WRITEDATA, content)
    curl.setopt(curl.HEADERFUNCTION, head.append)
    curl.perform()
    found = [line.partition(b":")[2].strip() for line in head if line.lower().startswith(b"location:")]
    location = found[-1].decode("latin-1") if found else None
    is_http2 = curl.getinfo(pycurl.INFO_HTTP_VERSION) == pycurl.CURL_HTTP_VERSION_2_0
    return Answer(curl.getinfo(pycurl.RESPONSE_CODE), content.getvalue(), location, protocol=HTTP2 * is_http2)


if __name__ == "__main__":
    versions = dict(name.lower().split("/") for name in pycurl.version.split()[:2])
    serve(session, get, versions)
