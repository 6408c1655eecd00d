"""Every error the app answers: JSON with one sentence, and one line in the log."""

from flask import Flask, Response, current_app, jsonify, request
from multipart import MultipartError, ParserLimitReached
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from upload_app import options
from upload_app.receivers import AmbiguousForm, BrokenBody, BudgetSpent, NoFilePart
from upload_app.relay import Refused
from upload_app.storage import NO_SPACE

ENDED = "the body ended before its announced end, or is malformed"
INTERNAL = 500
"""Flask has logged why, with a traceback that no client gets to see."""


def register(app: Flask) -> None:
    """Turn the exceptions of receivers and storage into answers."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RequestEntityTooLarge, lambda _: _answer(413, _limits()))
    app.register_error_handler(ClientDisconnected, lambda _: _answer(400, ENDED))
    app.register_error_handler(BrokenBody, lambda _: _answer(400, ENDED))
    app.register_error_handler(AmbiguousForm, lambda error: _answer(400, str(error)))
    app.register_error_handler(BudgetSpent, lambda error: _answer(408, str(error)))
    app.register_error_handler(Refused, lambda error: _answer(error.status, str(error)))
    app.register_error_handler(NoFilePart, lambda error: _answer(400, str(error)))
    app.register_error_handler(MultipartError, lambda error: _answer(400, f"malformed form: {error}"))
    app.register_error_handler(ParserLimitReached, lambda error: _answer(413, f"{_limits()}: {error}"))
    app.register_error_handler(OSError, _os)


def _answer(status: int, sentence: str) -> Response:
    if status != INTERNAL:
        # repr: a client's text shall not look like a line of its own.
        current_app.logger.warning("%s %r refused: %d, %r", request.method, request.path, status, sentence)
    response = jsonify(error=sentence)
    response.status_code = status
    return response


def _limits() -> str:
    """What a body may be. Werkzeug does not say which of these it was."""
    body = options.most_bytes()
    size = "" if body is None else f"{body} bytes, "
    field, parts = request.max_form_memory_size, request.max_form_parts
    fields = f"{field} bytes in a form's field or before its first boundary, {parts} parts"
    return f"too large: the most that is taken here is {size}{fields}"


def _http(error: HTTPException) -> Response:
    return _answer(error.code or INTERNAL, error.description or error.name)


def _os(error: OSError) -> Response:
    if error.errno in NO_SPACE:
        return _answer(507, "no space left for this upload on the server")
    raise error
