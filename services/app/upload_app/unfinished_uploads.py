"""All unfinished uploads of a deployment: how many there may be, and when they go. Needs no Flask."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from upload_app.range_lock import lock_range
from upload_app.storage import INFO, PARTIAL, Store, is_id
from upload_app.unfinished import Announcement, UnfinishedUpload, UploadPaths, UploadRefused

EMPTY_SECONDS = 600.0
"""How long an upload without a byte is kept, at most: its client has nothing to lose."""
CROWDED_SECONDS = 10.0
"""The same where there are as many uploads as there may be, so that no client keeps others out for long."""


class UnknownUpload(UploadRefused):
    """A request about an upload that is unknown, or finished."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(404, f"no unfinished upload {upload_id[:40]!r}")


class UnfinishedUploads:
    """The uploads that may go on later. All processes of a deployment use the same folder."""

    def __init__(self, store: Store, lives_seconds: float, most: int) -> None:
        self.store, self._lives_seconds, self._most = store, lives_seconds, most
        self._sweep()

    @contextmanager
    def create(self, announced: Announcement) -> Iterator[UnfinishedUpload]:
        """Make and lock a new upload. An error in the block removes it: no client knows its id yet.

        Raise UploadRefused (503) where there are too many.
        """
        self._require_place()
        while not (upload := UnfinishedUpload.make(self._paths(secrets.token_hex(16)), announced)):
            pass  # a sweep came between making and locking
        try:
            yield upload
        except BaseException:
            upload.remove()
            raise
        finally:
            upload.close()

    @contextmanager
    def open(self, upload_id: str, in_parts: bool) -> Iterator[UnfinishedUpload]:
        """Open an upload, without a lock.

        Raise UnknownUpload for one that is unknown or finished, UploadRefused (410) for one that has expired.
        """
        if not is_id(upload_id):  # never let a client's text become a path
            raise UnknownUpload(upload_id)
        try:
            upload = UnfinishedUpload.open(self._paths(upload_id))
        except FileNotFoundError:
            raise UnknownUpload(upload_id) from None
        try:
            try:
                announced = upload.read()
            except ValueError:
                raise UnknownUpload(upload_id) from None
            if bool(announced.part_bytes) is not in_parts:
                raise UnknownUpload(upload_id)
            self._refuse_expired(upload)
            yield upload
        finally:
            upload.close()

    @contextmanager
    def locked(self, upload_id: str, in_parts: bool, part: int | None = None) -> Iterator[UnfinishedUpload]:
        """Open and lock an upload, or one of its parts. Raise UploadRefused, also 423 for a locked one."""
        with self.open(upload_id, in_parts) as upload:
            upload.lock(part)
            if not upload.is_there():  # removed or finished between opening and locking
                raise UnknownUpload(upload_id)
            yield upload

    def expires(self, upload: UnfinishedUpload) -> float:
        """Return when the upload goes unless more of it comes, in seconds since 1970."""
        lives = self._lives_seconds if upload.size_bytes() else min(self._lives_seconds, EMPTY_SECONDS)
        return upload.written() + lives

    def _refuse_expired(self, upload: UnfinishedUpload) -> None:
        if self.expires(upload) < time.time():
            upload.lock()
            upload.remove()
            raise UploadRefused(410, f"the upload {upload.id!r} has expired: begin again")

    def _require_place(self) -> None:
        """Raise UploadRefused where there are as many uploads as there may be."""
        if self._sweep() < self._most or self._sweep(CROWDED_SECONDS) < self._most:
            return
        reason = f"this server has {self._most} unfinished uploads, as many as it takes: try again later"
        raise UploadRefused(503, reason, {"Retry-After": f"{CROWDED_SECONDS:.0f}"})

    def _sweep(self, empty_seconds: float = EMPTY_SECONDS) -> int:
        """Remove what has expired, and what a kill has left of others; return how many uploads stay."""
        names = {path.stem for path in self.store.unfinished.iterdir()}
        return sum(not self._remove_expired(self._paths(name), empty_seconds) for name in names)

    def _remove_expired(self, paths: UploadPaths, empty_seconds: float) -> bool:
        """Remove an upload that has expired, unless it is locked; return whether it is gone."""
        if self._lives(paths, empty_seconds):  # without a lock, which would be in the way of a writer
            return False
        try:
            info = os.open(paths.info, os.O_RDWR)
        except FileNotFoundError:  # a power cut may lose this file alone
            paths.data.unlink(missing_ok=True)
            return True
        try:
            if not lock_range(info) or self._lives(paths, empty_seconds):
                return False
            if os.fstat(info).st_nlink:
                paths.data.unlink(missing_ok=True)
                paths.info.unlink(missing_ok=True)
        finally:
            os.close(info)
        return True

    def _lives(self, paths: UploadPaths, empty_seconds: float) -> bool:
        """Return whether the upload has not expired; False without its data file, as a kill may leave it."""
        try:
            state = paths.data.stat()
        except FileNotFoundError:
            return False
        lives = self._lives_seconds if state.st_size else min(self._lives_seconds, empty_seconds)
        return state.st_mtime + lives >= time.time()

    def _paths(self, upload_id: str) -> UploadPaths:
        folder = self.store.unfinished
        data, info = folder / f"{upload_id}{PARTIAL}", folder / f"{upload_id}{INFO}"
        return UploadPaths(data, info, self.store.directory / upload_id)
