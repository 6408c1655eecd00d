"""tus 1.0.0 over HTTP: uploads that go on after a cut (https://tus.io/protocols/resumable-upload)."""

import time
from collections.abc import Callable

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

from upload_app.form_request import request
from upload_app.query import limit_bytes
from upload_app.receivers import BodyTooLong
from upload_app.resumable_request import (
    finished_bytes,
    is_durable,
    read_checks,
    receive_checked,
    remove_upload,
    require_room,
    unfinished_uploads,
)
from upload_app.tus_headers import (
    ALGORITHMS,
    CONTENT_TYPE,
    EXTENSIONS,
    VERSION,
    http_date,
    read_bytes,
    read_metadata,
    require_version,
)
from upload_app.unfinished import Announcement, UnfinishedUpload, UploadRefused
from upload_app.unfinished_uploads import UnknownUpload

blueprint = Blueprint("resumable", __name__)
EVERY = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
"""So that each gets an answer of the protocol, 405 included."""
Action = Callable[[], ResponseReturnValue]


@blueprint.after_request
def add_version(answer: Response) -> Response:
    """Add the protocol's version, which each answer has."""
    answer.headers["Tus-Resumable"] = VERSION
    return answer


@blueprint.route("/resumable", methods=EVERY, provide_automatic_options=False)
def serve_uploads() -> ResponseReturnValue:
    """Make a new upload, or show which parts of the protocol this server knows."""
    return _act({"OPTIONS": _show_options, "POST": _create})


@blueprint.route("/resumable/<upload_id>", methods=EVERY, provide_automatic_options=False)
def serve_upload(upload_id: str) -> ResponseReturnValue:
    """Show how much of an upload has come, take more of it, or remove it."""
    return _act(
        {
            "OPTIONS": _show_options,
            "HEAD": lambda: _show_offset(upload_id),
            "PATCH": lambda: _append(upload_id),
            "DELETE": lambda: _delete(upload_id),
        }
    )


def _act(actions: dict[str, Action]) -> ResponseReturnValue:
    """Do what the request's method says, or, of a client that can send no other than POST, its header."""
    method = request.method
    if method == "POST":
        method = request.headers.get("X-HTTP-Method-Override", method).upper()
    if method not in actions:
        raise MethodNotAllowed(list(actions), f"this address takes {', '.join(actions)}, not {method[:20]!r}")
    if method != "OPTIONS":
        require_version(dict(request.headers))
    return actions[method]()


def _show_options() -> ResponseReturnValue:
    limit = limit_bytes()
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return "", 204, headers | ({} if limit is None else {"Tus-Max-Size": str(limit)})


def _create() -> ResponseReturnValue:
    for name in ("Upload-Defer-Length", "Upload-Concat"):
        if name in request.headers:
            raise UploadRefused(
                400, f"{name} is not supported here: send Upload-Length, and the file's bytes"
            )
    size_bytes = read_bytes(dict(request.headers), "Upload-Length")
    has_body = request.is_chunked or bool(request.announced_bytes)
    if has_body:
        _require_type()
    require_room(size_bytes)
    announced = Announcement(size_bytes, metadata=read_metadata(dict(request.headers)), created=time.time())
    with unfinished_uploads().create(announced) as upload:
        offset = _receive(upload, 0, size_bytes) if has_body else 0
        headers = {"Location": f"/resumable/{upload.id}"} | _settle(upload, offset, size_bytes)
    return {"id": upload.id, "size_bytes": size_bytes}, 201, headers


def _show_offset(upload_id: str) -> ResponseReturnValue:
    never_cached = {"Cache-Control": "no-store"}
    try:
        with unfinished_uploads().locked(upload_id, in_parts=False) as upload:
            announced = upload.read()
            headers = _settle(upload, upload.settle(), announced.size_bytes)
    except UnknownUpload as refusal:
        stored = finished_bytes(refusal, upload_id)
        return "", 200, never_cached | {"Upload-Offset": str(stored), "Upload-Length": str(stored)}
    if announced.metadata:
        headers["Upload-Metadata"] = announced.metadata
    return "", 200, never_cached | headers | {"Upload-Length": str(announced.size_bytes)}


def _append(upload_id: str) -> ResponseReturnValue:
    _require_type()
    wanted = read_bytes(dict(request.headers), "Upload-Offset")
    try:
        with unfinished_uploads().locked(upload_id, in_parts=False) as upload:
            size_bytes = upload.read().size_bytes
            _require_same_length(size_bytes)
            _require_offset(wanted, upload.settle())
            offset = _receive(upload, wanted, size_bytes)
            headers = _settle(upload, offset, size_bytes)
    except UnknownUpload as refusal:
        stored = finished_bytes(refusal, upload_id)
        _require_same_length(stored)
        _require_offset(wanted, stored)
        if request.is_chunked or request.announced_bytes:
            raise UploadRefused(413, f"all {stored} bytes of this upload have come before") from None
        headers = {"Upload-Offset": str(stored)}
    return "", 204, headers


def _delete(upload_id: str) -> ResponseReturnValue:
    remove_upload(upload_id, in_parts=False)
    return "", 204


def _receive(upload: UnfinishedUpload, offset: int, size_bytes: int) -> int:
    """Append the body; return the new offset. Drop bytes that fail their check, or that are too many."""
    checks = read_checks()
    if (request.announced_bytes or 0) > size_bytes - offset:
        rest = f"and {size_bytes - offset} bytes of this upload are left"
        raise UploadRefused(413, f"the body has {request.announced_bytes} bytes, {rest}")
    if checks:
        upload.await_check(offset)
    try:
        reached = receive_checked(upload, offset, size_bytes, checks)
    except BodyTooLong:
        upload.truncate(offset)
        raise
    except BaseException:
        if checks:  # also where the rest never came: nobody can check them
            upload.truncate(offset)
        raise
    finally:
        if checks:
            upload.await_check(None)
    return reached


def _settle(upload: UnfinishedUpload, offset: int, size_bytes: int) -> dict[str, str]:
    """Give an upload its final name if all of it is here; return the headers that say how far it is."""
    headers = {"Upload-Offset": str(offset)}
    if offset == size_bytes:
        upload.commit(is_durable())
    else:
        headers["Upload-Expires"] = http_date(unfinished_uploads().expires(upload))
    return headers


def _require_type() -> None:
    if request.mimetype != CONTENT_TYPE:
        raise UploadRefused(415, f"this route takes {CONTENT_TYPE}, not {request.mimetype or 'no type'!r}")


def _require_same_length(size_bytes: int) -> None:
    if (
        "Upload-Length" in request.headers
        and read_bytes(dict(request.headers), "Upload-Length") != size_bytes
    ):
        raise UploadRefused(400, f"this upload has {size_bytes} bytes: its Upload-Length cannot change")


def _require_offset(wanted: int, offset: int) -> None:
    if wanted != offset:
        reason = f"this upload goes on at byte {offset}, not at {wanted}"
        raise UploadRefused(409, reason, {"Upload-Offset": str(offset)})
