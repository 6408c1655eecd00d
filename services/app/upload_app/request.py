"""Flask's request with the two hooks that uploads need."""

from typing import IO, Any, BinaryIO, cast

from flask import Request

from upload_app.receivers import Body, Deadline
from upload_app.strict_form import StrictForm


class UploadRequest(Request):
    """Watches the time while a form is parsed, and can spool its file to the destination."""

    deadline: Deadline | None = None
    strict: bool = False
    """Keep Werkzeug's parser from losing bytes of some files, or adding one."""
    destination: BinaryIO | None = None
    """Where the first file part goes instead of a temporary file."""

    def _get_stream_for_parsing(self) -> IO[bytes]:
        stream = super()._get_stream_for_parsing()
        if self.deadline is None:
            return stream
        body = Body(stream, self.deadline)
        return cast(IO[bytes], StrictForm(body, self.mimetype_params["boundary"]) if self.strict else body)

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        # The hook that Werkzeug documents for choosing where a file part is written.
        if self.destination is None:
            return super()._get_file_stream(*args, **kwargs)
        destination, self.destination = self.destination, None
        return destination
