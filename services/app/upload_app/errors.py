"""Every error the app answers: JSON with one sentence."""

from flask import Flask, Response, jsonify
from multipart import MultipartError
from werkzeug.exceptions import ClientDisconnected, HTTPException

from upload_app.receivers import BudgetSpent, NoFilePart
from upload_app.storage import NO_SPACE

ENDED = "the body ended before its announced end, or is malformed"


def register(app: Flask) -> None:
    """Turn the exceptions of receivers and storage into answers."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ClientDisconnected, lambda _: _answer(400, ENDED))
    app.register_error_handler(BudgetSpent, lambda error: _answer(408, str(error)))
    app.register_error_handler(NoFilePart, lambda error: _answer(400, str(error)))
    app.register_error_handler(MultipartError, lambda error: _answer(400, f"malformed form: {error}"))
    app.register_error_handler(OSError, _os)


def _answer(status: int, sentence: str) -> Response:
    response = jsonify(error=sentence)
    response.status_code = status
    return response


def _http(error: HTTPException) -> Response:
    return _answer(error.code or 500, error.description or error.name)


def _os(error: OSError) -> Response:
    if error.errno in NO_SPACE:
        return _answer(507, "no space left for this upload on the server")
    if error.errno is None:  # not the system's: a server's decoder of chunked bodies
        return _answer(400, ENDED)
    raise error
