"""Uploads in numbered parts, which may come in any order, twice, and several at a time."""

import re
import time

from flask import Blueprint
from flask.typing import ResponseReturnValue

from upload_app.form_request import request
from upload_app.query import MOST_SHOWN
from upload_app.receivers import BodyTooLong
from upload_app.resumable_request import (
    arriving_body,
    finished_bytes,
    is_durable,
    read_checks,
    receive_checked,
    remove_upload,
    require_room,
    unfinished_uploads,
)
from upload_app.unfinished import Announcement, UploadRefused
from upload_app.unfinished_uploads import UnknownUpload

blueprint = Blueprint("parts", __name__)
MOST_PARTS = 10_000
"""As many as object stores take: a list of all that are missing is still short."""


@blueprint.post("/parts")
def begin_parts() -> ResponseReturnValue:
    """Make a new upload of ``?size=`` bytes in parts of ``?part=`` bytes; only the last may be shorter."""
    announced = Announcement(_count_of("size"), _count_of("part"), created=time.time())
    if not announced.part_bytes or announced.parts > MOST_PARTS:
        least = max(1, -(-announced.size_bytes // MOST_PARTS))
        raise UploadRefused(400, f"part={announced.part_bytes}: send at least {least} bytes in each part")
    require_room(announced.size_bytes)
    with unfinished_uploads().create(announced) as upload:
        pass
    return {"id": upload.id, "parts": announced.parts}, 201, {"Location": f"/parts/{upload.id}"}


@blueprint.put("/parts/<upload_id>/<int:number>")
def store_part(upload_id: str, number: int) -> ResponseReturnValue:
    """Store a part, the first of which is 0. A part that is here is not written again."""
    with unfinished_uploads().open(upload_id, in_parts=True) as upload:
        announced = upload.read()
        if number >= announced.parts:
            raise UploadRefused(404, f"this upload has {announced.parts} parts, and no part {number}")
    size_bytes, start = announced.size_of_part(number), number * announced.part_bytes
    if request.announced_bytes not in (None, size_bytes):
        raise _wrong_length(number, size_bytes)
    with unfinished_uploads().locked(upload_id, True, number) as upload:
        if upload.has_part(number):
            arriving_body([]).finish()
            return "", 204
        try:
            reached = receive_checked(upload, start, start + size_bytes, read_checks())
        except BodyTooLong:
            raise _wrong_length(number, size_bytes) from None
        if reached != start + size_bytes:
            raise _wrong_length(number, size_bytes)
        upload.count_part(number, is_durable())
    return "", 204


@blueprint.get("/parts/<upload_id>")
def show_parts(upload_id: str) -> ResponseReturnValue:
    """Return which parts are missing."""
    try:
        with unfinished_uploads().open(upload_id, in_parts=True) as upload:
            announced, missing = upload.read(), upload.missing()
    except UnknownUpload as refusal:
        return {"size_bytes": finished_bytes(refusal, upload_id), "part_bytes": None, "missing": []}
    return {"size_bytes": announced.size_bytes, "part_bytes": announced.part_bytes, "missing": missing}


@blueprint.post("/parts/<upload_id>")
def join_parts(upload_id: str) -> ResponseReturnValue:
    """Give the file its final name once no part is missing; of a file that has it, answer the same again."""
    seconds = None
    try:
        with unfinished_uploads().locked(upload_id, in_parts=True) as upload:
            if missing := upload.missing():
                raise UploadRefused(409, f"parts are missing: {', '.join(map(str, missing[:100]))}")
            seconds, size_bytes = time.time() - upload.read().created, upload.size_bytes()
            upload.commit(is_durable())
    except UnknownUpload as refusal:
        size_bytes = finished_bytes(refusal, upload_id)
    answer = {"id": upload_id, "size_bytes": size_bytes, "seconds": seconds, "framing": request.framing}
    return answer, 201, {"Location": f"/uploads/{upload_id}"}


@blueprint.delete("/parts/<upload_id>")
def delete_parts(upload_id: str) -> ResponseReturnValue:
    """Remove an upload, finished or not."""
    remove_upload(upload_id, in_parts=True)
    return "", 204


def _count_of(name: str) -> int:
    value = request.args.get(name, "")
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        raise UploadRefused(400, f"{name}={value[:MOST_SHOWN]!r} is not a number of bytes")
    return int(value)


def _wrong_length(number: int, size_bytes: int) -> UploadRefused:
    return UploadRefused(400, f"part {number} of this upload has {size_bytes} bytes: send exactly those")
