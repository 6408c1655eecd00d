"""The headers of tus 1.0.0, by which an upload goes on after a cut (https://tus.io). Needs no Flask.

All functions raise UploadRefused for a header that cannot be read.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from upload_app.unfinished import UploadRefused

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),  # the one that each server must know
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
CONTENT_TYPE = "application/offset+octet-stream"
MOST_METADATA_BYTES = 2048
"""They come back in the head of an answer, and nginx takes heads of up to 4 KiB by default."""
METADATA = re.compile(r"([!-+\--~]+)(?: ([A-Za-z0-9+/]*={0,2}))?")
"""A key without spaces and commas, and its value in base64, which may be left out."""
DIGITS = re.compile(r"[0-9]{1,18}")
MOST_SHOWN = 40
"""Letters of a client's text that a refusal repeats."""


class Checksum:
    """The checksum of a body that a client has announced, and that of what has arrived."""

    def __init__(self, algorithm: str, digest: bytes) -> None:
        self._algorithm, self._announced = algorithm, digest
        self._found = ALGORITHMS[algorithm]()

    def update(self, block: bytes | memoryview) -> None:
        """Take the next bytes of the body."""
        self._found.update(block)

    def check(self) -> None:
        """Raise UploadRefused unless the bytes so far are those that were announced."""
        if self._found.digest() != self._announced:
            raise UploadRefused(
                460, f"the body that arrived has another {self._algorithm} than its Upload-Checksum says"
            )


def require_version(headers: Mapping[str, str]) -> None:
    """Refuse a request of no version of tus, or of another one."""
    version = headers.get("Tus-Resumable", "")
    if version != VERSION:
        reason = f"Tus-Resumable: {version[:MOST_SHOWN]!r} is not supported: send Tus-Resumable: {VERSION}"
        raise UploadRefused(412, reason, {"Tus-Version": VERSION})


def read_bytes(headers: Mapping[str, str], name: str) -> int:
    """Return a header's number of bytes."""
    if name not in headers:
        raise UploadRefused(400, f"{name} is missing: send it as a number of bytes")
    if not DIGITS.fullmatch(headers[name]):
        raise UploadRefused(400, f"{name}: {headers[name][:MOST_SHOWN]!r} is not a number of bytes")
    return int(headers[name])


def read_metadata(headers: Mapping[str, str]) -> str:
    """Return Upload-Metadata as it was sent, once it is known to be well-formed; empty for none."""
    text = headers.get("Upload-Metadata", "").strip()
    if len(text) > MOST_METADATA_BYTES:
        raise UploadRefused(400, f"Upload-Metadata has over {MOST_METADATA_BYTES} bytes")
    keys = set()
    for pair in text.split(",") if text else []:
        match = METADATA.fullmatch(pair.strip())
        if not match or match[1] in keys or _decoded(match[2] or "") is None:
            raise UploadRefused(
                400,
                f"Upload-Metadata: {pair[:MOST_SHOWN]!r} is not a new key, a space, and a value in base64",
            )
        keys.add(match[1])
    return text


def read_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Return the checksum that the client announces; None without one."""
    text = headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise UploadRefused(400, f"Upload-Checksum: {algorithm[:MOST_SHOWN]!r} is not one of {known}")
    digest = _decoded(value)
    if digest is None or len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise UploadRefused(400, f"Upload-Checksum: {value[:100]!r} is no {algorithm} in base64")
    return Checksum(algorithm, digest)


def http_date(seconds: float) -> str:
    """Return a time since 1970 as HTTP writes it."""
    return formatdate(seconds, usegmt=True)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
