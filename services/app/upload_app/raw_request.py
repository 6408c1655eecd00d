"""The readers of a raw body, by the names that ``?reader=`` takes."""

from flask import abort

from upload_app import receivers
from upload_app.body import Deadline
from upload_app.form_request import request
from upload_app.query import current_settings
from upload_app.splice import CannotSplice, receive_spliced
from upload_app.storage import Partial


def read_blocks(partial: Partial, _: Deadline) -> None:
    """Write the body in blocks."""
    receivers.receive_blocks(request.body, partial.file, current_settings().block_size)


def read_lines(partial: Partial, _: Deadline) -> None:
    """Write the body by lines."""
    receivers.receive_lines(request.body, partial.file, current_settings().block_size)


def read_spliced(partial: Partial, deadline: Deadline) -> None:
    """Let the system move the body where it can, else write it in blocks: the answer then says why."""
    try:
        if request.digest:
            raise CannotSplice("the client has announced a digest")
        receive_spliced(request.environ, request.announced_bytes, partial.file, deadline)
    except CannotSplice as why:
        request.fallback = f"read in blocks: {why}"
        read_blocks(partial, deadline)


READERS = {"blocks": read_blocks, "lines": read_lines, "splice": read_spliced}


def require_whole(partial: Partial) -> None:
    """Abort with 400 if fewer bytes came than were announced: not each reader counts them."""
    expected = request.announced_bytes
    if expected is not None and partial.size_bytes() != expected:
        abort(400, f"the body ended after {partial.size_bytes()} of {expected} bytes")
