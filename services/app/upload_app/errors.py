"""Every error that the app answers: JSON with one sentence, and one line in the log."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from multipart import MultipartError, ParserLimitReached
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from upload_app import linger, query
from upload_app.body import BrokenBody, BudgetSpent, ShortBody
from upload_app.digest import DigestRefused
from upload_app.form_body import HeadTooLong
from upload_app.one_file import FormRefused
from upload_app.relay import Refused
from upload_app.room import NoRoom
from upload_app.store_errors import explain_store_error
from upload_app.unfinished import UploadRefused

Describe = Callable[[Any], tuple[int, str]]
"""Takes an exception; returns the status and the sentence of its answer."""
ENDED = "the body ended before its announced end, or is malformed"
NO_MORE = "the client was silent for too long"
INTERNAL = 500
"""Flask has logged why, with a traceback that no client gets to see."""


def answer_errors(app: Flask) -> None:
    """Turn the exceptions of receivers, relay and storage into answers."""
    descriptions: dict[type[Exception], Describe] = {
        HTTPException: lambda error: (error.code or INTERNAL, error.description or error.name),
        RequestEntityTooLarge: lambda _: (413, _limits()),
        ClientDisconnected: _describe_end,
        BrokenBody: _describe_end,
        ShortBody: lambda error: (400, str(error)),
        HeadTooLong: lambda error: (413, str(error)),
        FormRefused: lambda error: (400, str(error)),
        DigestRefused: lambda error: (400, str(error)),
        MultipartError: lambda error: (400, f"malformed form: {error}"),
        BudgetSpent: lambda error: (408, str(error)),
        ParserLimitReached: lambda error: (413, f"{_limits()}: {error}"),
        Refused: lambda error: (error.status, str(error)),
        UploadRefused: lambda error: (error.status, str(error)),
        NoRoom: explain_store_error,  # no traceback in the log: nothing failed
        OSError: _explain_os_error,
    }
    for kind, describe in descriptions.items():
        app.register_error_handler(kind, partial(_answer, describe))


def _answer(describe: Describe, error: Exception) -> ResponseReturnValue:
    status, sentence = describe(error)
    headers = error.get_headers() if isinstance(error, HTTPException) else []
    headers = [*error.headers.items()] if isinstance(error, UploadRefused) else headers
    kept = [(name, value) for name, value in headers if name != "Content-Type"]  # such as Allow, of a 405
    if status != INTERNAL:
        # repr: a client's text must not look like a line of its own.
        current_app.logger.warning("%r %r refused: %d, %r", request.method, request.path, status, sentence)
    return {"error": sentence}, status, kept


def _describe_end(error: Exception) -> tuple[int, str]:
    """Describe a body that is not whole; a server's own error tells whether the client was silent."""
    cause = error.__context__
    silent = isinstance(cause, BlockingIOError | TimeoutError) or "timeout" in str(cause)  # uWSGI's word
    if not silent:
        return 400, ENDED
    request.environ[linger.SILENT] = True
    return 408, NO_MORE


def _limits() -> str:
    """Return the limits of a body as a sentence. Werkzeug does not say which of them was exceeded."""
    body, field = query.limit_bytes(), request.max_form_memory_size
    size = "" if body is None else f"{body} bytes, "
    fields = f"{field} bytes in a form's field or before its first boundary, {request.max_form_parts} parts"
    return f"too large: this server accepts at most {size}{fields}"


def _explain_os_error(error: OSError) -> tuple[int, str]:
    # Its handler keeps Flask from logging it, and the operator needs the path.
    current_app.logger.error("%r %r failed", request.method, request.path, exc_info=error)
    return explain_store_error(error)
