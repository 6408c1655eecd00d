"""What the routes of uploads that may go on share: limits, checks, and the body into its place."""

from typing import Protocol, cast

from flask import current_app

from upload_app.body import Body, Deadline
from upload_app.digest import BodyDigest, DigestRefused
from upload_app.form_request import request
from upload_app.query import budget_seconds, current_settings, is_on, limit_bytes
from upload_app.receivers import receive_range
from upload_app.tus_headers import read_checksum
from upload_app.unfinished import UnfinishedUpload, UploadRefused
from upload_app.unfinished_uploads import UnfinishedUploads, UnknownUpload


class BodyCheck(Protocol):
    """A digest or a checksum of a body."""

    def update(self, block: bytes | memoryview) -> None:
        """Take the next bytes."""

    def check(self) -> None:
        """Raise an exception unless the bytes are those that were announced."""


def unfinished_uploads() -> UnfinishedUploads:
    """Return the unfinished uploads of this deployment."""
    return cast(UnfinishedUploads, current_app.extensions["unfinished"])


def finished_bytes(refusal: UnknownUpload, upload_id: str) -> int:
    """Return the size of an upload that is unknown because it is finished; raise the refusal for any other.

    A finished upload is asked for last: it might become one between two looks.
    """
    try:
        return unfinished_uploads().store.size_bytes(upload_id)
    except FileNotFoundError:
        raise refusal from None


def remove_upload(upload_id: str, in_parts: bool) -> None:
    """Remove an upload, finished or not."""
    try:
        with unfinished_uploads().locked(upload_id, in_parts) as upload:
            upload.remove()
    except UnknownUpload as refusal:
        finished_bytes(refusal, upload_id)
        unfinished_uploads().store.delete(upload_id)


def is_durable() -> bool:
    """Return whether an answer means that a file would survive a power cut."""
    return current_settings().fsync or is_on("fsync")


def require_room(size_bytes: int) -> None:
    """Refuse an upload that is longer than the limit, or for which the disk has no room now."""
    limit = limit_bytes()
    if limit is not None and size_bytes > limit:
        raise UploadRefused(413, f"too large: this server accepts at most {limit} bytes")
    unfinished_uploads().store.room.require(size_bytes)


def read_checks() -> list[BodyCheck]:
    """Return what the client announces of this body; refuse it without, where that is required."""
    checks: list[BodyCheck] = []
    if digest := BodyDigest(dict(request.headers)):
        checks.append(digest)
    if checksum := read_checksum(dict(request.headers)):
        checks.append(checksum)
    if not checks and (current_settings().require_digest or is_on("require_digest")):
        raise DigestRefused("this upload needs a digest of each body: send Upload-Checksum: sha256 BASE64")
    return checks


def arriving_body(checks: list[BodyCheck]) -> Body:
    """Return the body of this request, whose clock begins now."""

    def watch(block: bytes | memoryview) -> None:
        for check in checks:
            check.update(block)

    deadline = Deadline(budget_seconds(), unfinished_uploads().store.room.require)
    return Body(request.stream, deadline, request.announced_bytes, watch if checks else None)


def receive_checked(upload: UnfinishedUpload, at: int, end: int, checks: list[BodyCheck]) -> int:
    """Write the body to its place, and check it; return where it ends."""
    unfinished_uploads().store.room.require(request.announced_bytes or 0)
    reached = receive_range(arriving_body(checks), upload, at, end, current_settings().block_size)
    for check in checks:
        check.check()
    return reached
