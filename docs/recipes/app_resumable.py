"""app.py, and uploads that go on after a cut: tus 1.0 (https://tus.io) at /files, for any of its clients.

What has arrived lies in ../uploads/resumable/ID.part, and the size of that file is the offset: it outlives a
cut, a restart and a kill. With its last byte the file becomes ../uploads/ID, beside the uploads of app.py.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from errno import ENOSPC

from flask import Blueprint, abort, request, url_for
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.http import http_date

from app import Body, app
from digest import BodyDigest
from folder import FOLDER, own_file, own_folder

BLOCK_BYTES = 64 << 10  # a cut loses no more than the block that is being read
MOST_BYTES = app.config["MAX_CONTENT_LENGTH"]
MOST_UNFINISHED = 1000  # a client may begin any number of uploads, and send nothing
KEEP_SECONDS = 24 * 3600  # from the last byte that arrived
KEEP_OTHERS_SECONDS = 900  # before the first byte; and after the last one, whose answer may have been lost
CROWDED_SECONDS = 10  # before the first byte, where there are that many
LOCK_SECONDS = 0.5  # what a request waits for another one of the same upload
MOST_METADATA_BYTES = 2048  # they are in each answer to HEAD, and nginx takes only short heads
VERSION = "1.0.0"
DIGITS = re.compile("[0-9]{1,18}")
METADATA = re.compile(r"(?:[!-+\--~]+(?: [A-Za-z0-9+/]*={0,2})?(?:,(?!$)|$))*")  # keys, and values in base64

UNFINISHED = own_folder(FOLDER / "resumable")  # on one filesystem: only within it is a rename atomic
files = Blueprint("files", __name__, url_prefix="/files")


class Upload:
    """An upload, while its lock is held. Its ID.json stays for a client that missed the last answer."""

    def __init__(self, upload_id, size_bytes, metadata):
        self.size_bytes, self.metadata = size_bytes, metadata
        self.info, self.part = path(upload_id, "json"), path(upload_id, "part")
        self.whole = FOLDER / upload_id
        self.settle()
        if not (self.part.exists() or self.whole.exists()) or self.expires < time.time():
            self.remove()
            gone()

    @property
    def offset(self):
        """How many bytes have arrived."""
        return self.part.stat().st_size if self.part.exists() else self.size_bytes

    @property
    def expires(self):
        """When it is removed if nothing more arrives; if it is whole, only what is known of it is removed."""
        keep = KEEP_SECONDS if 0 < self.offset < self.size_bytes else KEEP_OTHERS_SECONDS
        return (self.part if self.part.exists() else self.info).stat().st_mtime + keep

    @property
    def headers(self):
        """What its client has to know."""
        return {"Upload-Offset": str(self.offset), "Upload-Expires": http_date(self.expires)}

    def settle(self):
        """Give it its name if all of it is there: its last byte has come, or a kill came right after that."""
        if self.part.exists() and self.offset == self.size_bytes:
            self.part.replace(self.whole)
            os.utime(self.info)

    def receive(self):
        """Add the body. What arrives before a cut, or before the disk is full, stays."""
        body = Body()
        body.digest = BodyDigest({})  # what a piece announces says nothing of the file
        left, buffer = self.size_bytes - self.offset, memoryview(bytearray(BLOCK_BYTES))
        with open(self.part if left else self.whole, "ab", buffering=0) as file:
            while count := body.take(body.stream.readinto1, buffer):
                if (left := left - count) < 0:
                    abort(413, f"more arrives than the {self.size_bytes} bytes of this upload")
                block = buffer[:count]
                while block:  # where the disk is nearly full, a part of a block may be written
                    block = block[file.write(block) :]
        body.finish()
        self.settle()

    def remove(self):
        """Leave nothing but the file that is whole."""
        self.part.unlink(missing_ok=True)
        self.info.unlink(missing_ok=True)


def lock(file):
    """Lock an upload, and return whether that came about; a request that only looks has it for an instant."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system unlocks what a killed process held
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)


@contextmanager
def locked(upload_id):
    """The upload, for this request alone: no other one, in any process, writes to it or removes it."""
    info = path(upload_id, "json")
    if not re.fullmatch("[0-9a-f]{32}", upload_id) or not info.exists():
        gone()
    with info.open() as file:
        if not lock(file):
            abort(423, "another request has this upload, perhaps over a dead connection: try again soon")
        if not info.exists():  # removed, before it could be locked here
            gone()
        yield Upload(upload_id, **json.load(file))


def path(upload_id, kind):
    """What is known of an upload (json), and what has arrived (part)."""
    return UNFINISHED / f"{upload_id}.{kind}"


def gone():
    """Answer that there is no such upload."""
    abort(404, "no such upload: it may have expired")


def count():
    """How many uploads are unfinished."""
    return len(list(UNFINISHED.glob("*.part")))


def sweep(empty_seconds):
    """Remove what has expired, had no byte for that long, or was left half begun by a kill."""
    for found in UNFINISHED.iterdir():
        with suppress(HTTPException, FileNotFoundError):  # it is locked, or another process sweeps
            part, info = found.with_suffix(".part"), found.with_suffix(".json")
            seconds = time.time() - (part if part.exists() else found).stat().st_mtime
            if seconds < empty_seconds:  # looked at without its lock, which its client may want
                continue
            if not info.exists():
                found.unlink()
            elif found == info:
                with locked(info.stem) as upload:
                    if not upload.offset:
                        upload.remove()


def number(header):
    """The header's number of bytes."""
    text = request.headers.get(header, "")
    if not DIGITS.fullmatch(text):
        abort(400, f"{header}: {text[:40]!r} is no number of bytes")
    return int(text)


@files.before_request
def check_version():
    """Only one version is spoken here."""
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
        return {"error": f"send Tus-Resumable: {VERSION}"}, 412, {"Tus-Version": VERSION}


@files.after_request
def add_version(response):
    """Each answer says it, a refusal, too."""
    response.headers["Tus-Resumable"] = VERSION
    return response


@files.route("", methods=["OPTIONS"])
@files.route("/<upload_id>", methods=["OPTIONS"])
def describe(upload_id=""):
    """What this server can do."""
    extensions = "creation,expiration,termination"
    return "", 204, {"Tus-Version": VERSION, "Tus-Extension": extensions, "Tus-Max-Size": str(MOST_BYTES)}


@files.post("")
def begin():
    """A new upload. Its bytes come later, by PATCH."""
    size_bytes, metadata = number("Upload-Length"), request.headers.get("Upload-Metadata", "")
    if size_bytes > MOST_BYTES:
        abort(413, f"at most {MOST_BYTES} bytes are taken")
    if len(metadata) > MOST_METADATA_BYTES or not METADATA.fullmatch(metadata):
        abort(400, f"Upload-Metadata is too long or malformed: {metadata[:40]!r}; send KEY BASE64,KEY BASE64")
    if request.content_length != 0:
        abort(400, "the upload is begun without a body: send the bytes by PATCH")
    sweep(KEEP_OTHERS_SECONDS)
    if count() >= MOST_UNFINISHED:
        sweep(CROWDED_SECONDS)  # clients that send nothing do not keep others out
    if count() >= MOST_UNFINISHED:
        raise ServiceUnavailable("too many uploads are unfinished: try again later", retry_after=60)
    if size_bytes > shutil.disk_usage(FOLDER).free:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    upload_id = secrets.token_hex(16)
    path(upload_id, "part").touch(mode=0o600)
    with open(path(upload_id, "new"), "x", opener=own_file) as file:
        json.dump({"size_bytes": size_bytes, "metadata": metadata}, file)
    path(upload_id, "new").rename(path(upload_id, "json"))  # with this it exists, and all of it is known
    upload = Upload(upload_id, size_bytes, metadata)  # not locked: nobody knows its id
    return "", 201, {"Location": url_for("files.find", upload_id=upload_id), **upload.headers}


@files.route("/<upload_id>", methods=["HEAD"])
def find(upload_id):
    """Where to go on."""
    with locked(upload_id) as upload:
        known = {"Upload-Length": str(upload.size_bytes), "Upload-Metadata": upload.metadata}
        said = {name: value for name, value in known.items() if value}
        return "", 200, {**said, **upload.headers, "Cache-Control": "no-store"}


@files.patch("/<upload_id>")
def go_on(upload_id):
    """The bytes from this offset on: all that are missing, or some of them."""
    offset, length = number("Upload-Offset"), request.content_length or 0
    if request.mimetype != "application/offset+octet-stream":
        abort(415, "send application/offset+octet-stream")
    with locked(upload_id) as upload:
        if offset != upload.offset:
            abort(409, f"{upload.offset} bytes have arrived: go on from there, not from {offset}")
        if "Upload-Length" in request.headers and number("Upload-Length") != upload.size_bytes:
            abort(400, f"the upload was begun with {upload.size_bytes} bytes, and that cannot change")
        if offset + length > upload.size_bytes:
            abort(413, f"the upload ends after {upload.size_bytes} bytes, before this body does")
        upload.receive()
        return "", 204, upload.headers


@files.delete("/<upload_id>")
def give_up(upload_id):
    """Forget an upload; what is whole stays."""
    with locked(upload_id) as upload:
        upload.remove()
    return "", 204


def override(environ, start_response, wsgi_app=app.wsgi_app):
    """Take POST for the method that a client means, as some networks let no PATCH or DELETE through."""
    sent, meant = environ["REQUEST_METHOD"], environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
    if sent == "POST" and meant in ("PATCH", "DELETE") and environ["PATH_INFO"].startswith("/files/"):
        environ["REQUEST_METHOD"] = meant
    return wsgi_app(environ, start_response)


app.wsgi_app = override
app.register_blueprint(files)
sweep(KEEP_OTHERS_SECONDS)
