"""Flask's request with the two hooks that uploads need."""

from functools import cached_property
from typing import IO, Any, BinaryIO, cast

import flask

from upload_app.body import Body, Deadline
from upload_app.digest import BodyDigest
from upload_app.form_body import FormBody
from upload_app.form_parser import OneFileParser

TAKEN = "UPLOAD_FILE"
"""Where the server in front has put the whole body; no header can have this name in WSGI (PEP 3333)."""


class UploadRequest(flask.Request):
    """A request that keeps a deadline while its form is parsed, and can spool the file to its destination."""

    form_data_parser_class = OneFileParser
    # Attributes of its own, which any version takes: before Flask 3.1 no request has limits of its own, and
    # before Werkzeug 3.0.6 a field has none.
    max_content_length: int | None = None
    max_form_memory_size: int = 500_000
    max_form_parts: int = 1000
    deadline: Deadline | None = None
    digest: BodyDigest | None = None
    """What the client announced of the body, where this app checks it."""
    fallback: str = ""
    """Why another reader took the body than the client asked for."""
    strict: bool = False
    """Keep Werkzeug's parser from losing or adding bytes of some files: it sees heads of parts only."""
    block_size: int = 64 << 10
    destination: BinaryIO | None = None
    """Where the file goes instead of a temporary file."""

    @property
    def is_chunked(self) -> bool:
        """Return whether the body comes in chunks: it then has no length, even where a proxy adds one."""
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    @property
    def framing(self) -> str:
        """Return how the server says where the body ends: ``chunked``, ``length``, ``file``, or ``none``."""
        if TAKEN in self.environ:
            return "file"
        if self.is_chunked:
            return "chunked"
        return "length" if self.environ.get("CONTENT_LENGTH") else "none"  # uWSGI has an empty one

    @property
    def announced_bytes(self) -> int | None:
        """Return the body's length; None where the client does not say it before."""
        return None if self.is_chunked else self.content_length

    @cached_property
    def body(self) -> Body:
        """Return the body, which knows how many of its announced bytes were read."""
        watch = self.digest.update if self.digest else None
        return Body(self.stream, cast(Deadline, self.deadline), self.announced_bytes, watch)

    def _get_stream_for_parsing(self) -> IO[bytes]:
        if self.strict or self.destination:
            blocks = self.body.blocks(self.block_size)
            return cast(IO[bytes], FormBody(blocks, self.mimetype_params["boundary"]))
        return cast(IO[bytes], self.body)

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        # The hook that Werkzeug documents for choosing where a file part is written.
        if self.destination is None:
            return super()._get_file_stream(*args, **kwargs)
        destination, self.destination = self.destination, None
        return destination


request = cast(UploadRequest, flask.request)
"""The request that is being answered."""
