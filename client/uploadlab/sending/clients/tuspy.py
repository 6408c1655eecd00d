"""tuspy: resumable uploads over tus 1.0, on requests."""

import contextlib
import os
from collections.abc import Iterator
from importlib.metadata import version

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from uploadlab.sending.clients.frame import Answer, Cannot, Upload, serve, way

CHUNK_BYTES = 8 << 20
MOST_RETRIES = 20
"""Of one chunk. By default tuspy retries nothing."""
RETRY_SECONDS = 1
"""Before each retry; by default 30."""
CA_FILE = "REQUESTS_CA_BUNDLE"
"""The variable of requests: tuspy has no argument for it."""
LACKS = {"login": "it answers no request for a login", "expect": "it does not wait for 100 Continue"}


@contextlib.contextmanager
def session(upload: Upload) -> Iterator[TusClient]:
    """Yield a client of this address; raise Cannot."""
    if upload.source != "file":
        raise Cannot("tuspy seeks in the file, and sends it from its start")
    if upload.ca_file:
        os.environ[CA_FILE] = upload.ca_file
    try:
        yield TusClient(upload.url, headers=dict(upload.headers))
    finally:
        os.environ.pop(CA_FILE, None)


@way
def resumable(client: TusClient, upload: Upload) -> Answer:
    """Send all by one PATCH, as by default: tuspy reads all that is left into memory."""
    return _sent(client, upload)


@way
def resumable_8m(client: TusClient, upload: Upload) -> Answer:
    """Send with `chunk_size` of 8 MiB: a PATCH each, over a new connection each."""
    return _sent(client, upload, chunk_size=CHUNK_BYTES)


def _sent(client: TusClient, upload: Upload, **more: int) -> Answer:
    try:
        uploader = client.uploader(
            upload.path, metadata={"filename": upload.name}, retries=MOST_RETRIES, retry_delay=RETRY_SECONDS,
            verify_tls_cert=not upload.insecure, **more,
        )  # fmt: skip
        uploader.upload()
    except TusCommunicationError as error:
        if not error.status_code:
            raise
        return Answer(error.status_code, error.response_content or b"")
    last = uploader.request  # an empty file has none
    return Answer(last.status_code if last else 201, location=uploader.url)


if __name__ == "__main__":
    serve(session, None, {"tuspy": version("tuspy")}, lacks=LACKS)
