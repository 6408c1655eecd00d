"""What a server of the user's own has stored: read back by URL or from a folder of this host, and removed."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import requests

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.sending.answered import bytes_of, json_of, reason, words_of
from uploadlab.sending.connections import ANSWER_BYTES, require_success, session
from uploadlab.sending.digests import DIGESTS, OWN_DIGEST, SentFile, sent_payload
from uploadlab.sending.foreign import Answered, place, value_at
from uploadlab.sending.shelf import Shelf, missing_file
from uploadlab.sending.upload import Uploaded
from uploadlab.units import MIB

VERIFY_SECONDS = 120.0
SIZE = "size"
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
OWN_JSON = {SIZE: "size_bytes", OWN_DIGEST: "digest"}
"""Where the lab's own app has them."""


class StoredCopy(NamedTuple):
    """What a server has of an upload."""

    size_bytes: int | None = None
    same: bool | None = None
    """Whether it has the file's digest; None: the server names none."""
    problem: str = ""
    """Why nothing is known of it, or is there."""
    path: Path | None = None
    """Where it lies on this host."""


def _on_shelf(shelf: Shelf, sent: SentFile) -> StoredCopy:
    """Return the newest new file with the bytes that were sent, else what else is new there."""
    if copies := shelf.copies(sent):
        return StoredCopy(sent.size_bytes, True, path=copies[0])
    sizes = [size_bytes for _, size_bytes in shelf.new_files()]
    if not sizes:
        return StoredCopy(0, False, missing_file(shelf.folder, sent.size_bytes))
    return StoredCopy(sent.size_bytes if sent.size_bytes in sizes else sizes[0], False)


def stored_copy(spec: TargetSpec, answered: Answered, sent: SentFile, shelf: Shelf | None) -> StoredCopy:
    """Return what the server has of an upload that it accepted; raise nothing that a server can cause."""
    if shelf:
        return _on_shelf(shelf, sent)
    try:
        if spec.stored_url:
            return _at_url(place(spec.stored_url, answered), answered.url, spec.stored_json, sent)
        return _in_json(json_of(answered.content), spec.stored_json, sent)
    except (requests.RequestException, ValueError, OSError) as error:
        if isinstance(error, requests.HTTPError) and error.response.status_code in GONE:
            return StoredCopy(0, False, f"nothing is stored: {_why(error)}")
        return StoredCopy(problem=f"not verified: {_why(error)}")


def _at_url(address: str, target: str, paths: Mapping[str, str], sent: SentFile) -> StoredCopy:
    """Read the copy back, or the JSON that describes it; raise RequestException, ValueError, OSError."""
    digest, size_bytes, first = DIGESTS[OWN_DIGEST](), 0, b""
    most_bytes = 2 * sent.size_bytes + ANSWER_BYTES
    with session(answer_bytes=most_bytes, beside=target) as connection:
        response = connection.get(address, timeout=VERIFY_SECONDS, stream=True)
        require_success(response)
        for block in response.iter_content(MIB):
            digest.update(block)
            size_bytes += len(block)
            first = first or block
    described = json_of(first) if size_bytes == len(first) else {}
    if paths or all(path in described for path in OWN_JSON.values()):
        return _in_json(described, paths or OWN_JSON, sent)
    return StoredCopy(size_bytes, str(digest.hexdigest()) == sent.digest(OWN_DIGEST))


def _in_json(described: Mapping[str, Any], paths: Mapping[str, str], sent: SentFile) -> StoredCopy:
    """Return what a server says of its copy; raise ValueError if it does not say that."""
    values = {kind: value_at(described, path) for kind, path in paths.items()}
    if lacking := [paths[kind] for kind, value in values.items() if value in (None, "")]:
        raise ValueError(f"the server's JSON has no {', '.join(lacking)}")
    size_bytes = None
    if SIZE in values:
        text = str(values.pop(SIZE))
        size_bytes = bytes_of(int(text)) if text.isdecimal() else None
        if size_bytes is None:
            raise ValueError(f"the server's {paths[SIZE]} is {words_of(text)}, which is no number of bytes")
    digests = [str(value).strip('"').lower() == sent.digest(kind) for kind, value in values.items()]
    return StoredCopy(size_bytes, all(digests) if digests else None)


def verify_foreign(spec: TargetSpec, uploaded: Uploaded, payload: Payload, shelf: Shelf | None) -> Outcome:
    """Complete the outcome of an accepted upload with what the server stored; remove the copy if asked to."""
    outcome, answered = uploaded.outcome, uploaded.answered
    if outcome.status is not Status.UNVERIFIED or not answered:
        return outcome
    copy = StoredCopy()
    if spec.reads_back:
        sent = sent_payload(payload)
        copy = stored_copy(spec, answered, sent, shelf)
        outcome.stored_bytes, outcome.digest_ok = copy.size_bytes, copy.same
        outcome.error = difference(copy, sent.size_bytes) or None
        outcome.status = Status.WRONG if outcome.error else Status.OK
    if spec.removes:
        problem = remove_copy(spec, answered, copy)
        outcome.removed = not problem
        outcome.error = outcome.error or problem or None
    return outcome


def difference(copy: StoredCopy, size_bytes: int) -> str:
    """Return how a server's copy differs from what was sent; empty if it does not."""
    if copy.problem:
        return copy.problem
    if copy.size_bytes not in (None, size_bytes):
        return f"{copy.size_bytes} of {size_bytes} bytes"
    return "right size, other bytes" if copy.same is False else ""


def remove_copy(spec: TargetSpec, answered: Answered, copy: StoredCopy) -> str:
    """Remove an upload from the server; return why that did not work, empty if it did.

    A file of this host is removed only if its bytes are those that were sent.
    """
    template = spec.cleanup_url or ("" if spec.stored_dir else spec.stored_url)
    try:
        if template:
            with session(beside=answered.url) as connection:
                require_success(connection.delete(place(template, answered), timeout=VERIFY_SECONDS))
        if spec.clean_up and copy.path:
            copy.path.unlink(missing_ok=True)
        elif not template:
            return "not removed: no file of the same bytes was found"
    except (requests.RequestException, ValueError, OSError) as error:
        return f"not removed: {_why(error)}"
    return ""


def _why(error: Exception) -> str:
    """Return a fault in a few words; of our own, only these words."""
    return words_of(error) if type(error) is ValueError else reason(error)
