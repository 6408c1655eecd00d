"""An upload that goes on from the byte that the server lacks: tus 1.0, https://tus.io/protocols/resumable-upload."""

import requests

from uploadlab.sending.connections import is_success, location_of
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.several_requests import FileInPieces, LastAnswer, abandon, checked_id

VERSION = {"Tus-Resumable": "1.0.0"}


def send_from_offset(pieces: FileInPieces) -> LastAnswer:
    """Begin an upload, then send what the server lacks until it has all; raise what breaks the last try."""
    size_bytes = pieces.payload.size_bytes
    with pieces.opened() as (file, target):
        created = target.insist("POST", pieces.address, headers={**VERSION, "Upload-Length": str(size_bytes)})
        if not is_success(created.status_code):
            return LastAnswer(created, None)
        upload_id = checked_id((location_of(created) or "").rpartition("/")[2], pieces.method.route)
        place = f"{pieces.address}/{upload_id}"
        answer, offset, furthest = created, 0, 0
        try:
            while offset < size_bytes and is_success(answer.status_code):
                request = pieces.piece(file, offset)
                headers = {**request["headers"], **VERSION, "Upload-Offset": str(offset)}
                sent = target.ask("PATCH", place, request["data"], headers)
                answer = target.insist("HEAD", place, headers=VERSION) if sent is None else sent
                if is_success(answer.status_code):
                    before, offset = offset, _offset_in(answer, size_bytes)
                    if sent is not None and offset <= before:
                        raise AnswerFault("the server took bytes, and its offset is none higher")
                    if offset > furthest:
                        furthest = offset
                        target.progressed()
        finally:
            if offset < size_bytes:
                abandon(target, place, headers=VERSION)
        return LastAnswer(answer, f"/uploads/{upload_id}")


def _offset_in(answer: requests.Response, size_bytes: int) -> int:
    """Return how many bytes the server has; raise AnswerFault if it does not say so."""
    text = answer.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit() and len(text) < len(str(1 << 63)) and int(text) <= size_bytes):
        raise AnswerFault("the server does not say how many bytes of the upload it has")
    return int(text)
