"""The app's HTTP contract."""

import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, abort, current_app, send_from_directory
from flask.typing import ResponseReturnValue

from upload_app import receivers, relay
from upload_app.body import Deadline
from upload_app.digest import EXAMPLE, FIELDS, BodyDigest, DigestRefused
from upload_app.form_request import TAKEN, request
from upload_app.one_file import FIELD
from upload_app.profiling import Profile, run_profiled, write_profile
from upload_app.query import (
    budget_seconds,
    choose,
    current_settings,
    is_on,
    limit_bytes,
    next_hop,
    options_for_next,
    profile_kind,
    require_profiling,
)
from upload_app.raw_request import READERS, require_whole
from upload_app.storage import DIGESTS, Partial, Store
from upload_app.usage import report_usage
from upload_app.versions import find_versions

blueprint = Blueprint("uploads", __name__)


@blueprint.get("/healthz")
def show_health() -> ResponseReturnValue:
    """Return who answers here, in which versions, and how many uploads are in progress."""
    return {
        "deployment": current_settings().deployment,
        "versions": find_versions(request.environ, current_settings().front),
        "uploads_in_progress": _store().in_progress(),
    }


@blueprint.route("/request-stream", methods=["POST", "PUT"])
def request_stream() -> ResponseReturnValue:
    """Store the raw body; ``?reader=blocks|lines|splice``."""
    read = choose("reader", READERS, default="blocks")
    _refuse_form()
    if taken := request.environ.get(TAKEN):
        # WSGI's text holds a byte in each character (PEP 3333): a name in UTF-8 must be decoded.
        return _receive(_read_taken, Path(os.fsdecode(taken.encode("latin-1"))))

    def receive(partial: Partial, deadline: Deadline) -> None:
        read(partial, deadline)
        require_whole(partial)

    return _receive(receive)


@blueprint.post("/request-files")
def request_files() -> ResponseReturnValue:
    """Store ``request.files['file']``; ``?spool=temp|direct``."""
    direct = choose("spool", {"temp": False, "direct": True}, default="temp")
    _require_form()
    copies = 1 if direct else 2  # Werkzeug's spool is one, too, and stays until the other is written
    return _receive(lambda partial, deadline: _read_form(direct, partial, deadline), copies=copies)


@blueprint.post("/multipart-push")
def store_pushed_form() -> ResponseReturnValue:
    """Store the form's file through a push parser."""
    boundary, size = _require_form(), current_settings().block_size

    def receive(partial: Partial, _: Deadline) -> None:
        # The limits of Werkzeug's own parser, so that each route refuses the same forms.
        limits = request.max_form_memory_size, request.max_form_parts
        receivers.receive_pushed_form(request.body, partial.file, size, boundary, *limits)
        request.body.finish()

    return _receive(receive)


@blueprint.route("/stream-pass-to-next", methods=["POST", "PUT"])
def stream_pass_to_next() -> ResponseReturnValue:
    """Pass the raw body on to another deployment while it arrives; ``?next=NAME``."""
    started = time.perf_counter()
    hop = next_hop()
    _refuse_form()
    deadline = _begin()
    kind = request.content_type or "application/octet-stream"
    length = None if request.is_chunked else request.content_length or 0
    query = options_for_next("budget", "limit", "fsync", "require_digest")
    digests = {name: request.headers[name] for name in FIELDS if name in request.headers}
    head = relay.Head(kind, length, query, digests)
    request.digest = None  # the next deployment checks it, and so also what happens on the way there
    body, size = request.body, current_settings().block_size
    stored: dict[str, Any] = {}
    with _store().partial():  # stays empty: it counts this upload among those in progress
        profile = run_profiled(
            lambda: stored.update(relay.pass_on(hop, head, body, deadline, size)), profile_kind()
        )
    answer = {**stored, "next": hop.name, "next_seconds": stored.get("seconds")}
    return _accept(answer, started, profile, f"?next={hop.name}")


@blueprint.get("/uploads/<upload_id>")
def show_upload(upload_id: str) -> ResponseReturnValue:
    """Return size and digest of the file on disk; ``?digest=xxh3_128|sha256``."""
    algorithm = choose("digest", {name: name for name in DIGESTS}, default="xxh3_128")
    try:
        if "next" in request.args:
            return _ask_next("GET", upload_id)
        return {
            "id": upload_id,
            "size_bytes": _store().size_bytes(upload_id),
            "algorithm": algorithm,
            "digest": _store().digest(upload_id, algorithm),
        }
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")


@blueprint.delete("/uploads/<upload_id>")
def delete_upload(upload_id: str) -> ResponseReturnValue:
    """Remove a stored upload, and its profile."""
    try:
        if "next" in request.args:
            _ask_next("DELETE", upload_id)
        else:
            _store().delete(upload_id)
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")
    shutil.rmtree(current_settings().profile_dir / upload_id, ignore_errors=True)
    return "", 204


@blueprint.get("/profiles/<upload_id>/<name>")
def send_profile(upload_id: str, name: str) -> ResponseReturnValue:
    """Send a file of an upload's profile."""
    require_profiling()
    return send_from_directory(current_settings().profile_dir.absolute(), f"{upload_id}/{name}")


@blueprint.get("/usage")
@blueprint.post("/usage/reset")
def show_usage() -> ResponseReturnValue:
    """Return what each process of this deployment has used, and how many files are stored.

    A POST also counts peaks of memory from now on. Off by default: where the lab did not start this server,
    its session may hold processes that no client should see.
    """
    run_dir = current_settings().run_dir or abort(
        403, "usage is switched off here: start this deployment with USAGE=1 and RUN_DIR"
    )
    return report_usage(run_dir, _store(), reset=request.method == "POST")


def _begin(look: Callable[[], None] | None = None) -> Deadline:
    """Start the clock of an upload, and set its limits; abort with 413 if a longer body is announced."""
    request.deadline = deadline = Deadline(budget_seconds(), look)
    request.strict = current_settings().strict_framing
    request.digest = _announced_digest()
    limit = limit_bytes()
    if limit is not None:
        if (request.content_length or 0) > limit:
            abort(413)
        # Where the input ends by itself, Werkzeug also refuses a body of exactly that many bytes.
        limit += "wsgi.input_terminated" in request.environ
    request.max_content_length = limit
    return deadline


def _announced_digest() -> BodyDigest:
    """Return the digests that the client announces. Raise DigestRefused; abort where one is missing."""
    digest, settings = BodyDigest(dict(request.headers)), current_settings()
    required = settings.require_digest or is_on("require_digest")
    if not digest and required:
        raise DigestRefused(f"this upload needs a digest of its body: send {EXAMPLE}")
    if not digest and settings.chunked_needs_digest and request.framing in ("chunked", "none"):
        abort(
            411,
            f"this server cannot see whether a chunked body is whole: send a Content-Length, or {EXAMPLE}",
        )
    return digest


def _receive(
    receive: Callable[[Partial, Deadline], None], taken: Path | None = None, copies: int = 1
) -> ResponseReturnValue:
    """Run a receiver into a new file, or into a taken one; the file counts only when it is complete.

    ``copies`` of the body must fit on the disk; raise NoRoom.
    """
    started = time.perf_counter()
    deadline = _begin(_store().room.require)
    fsync = current_settings().fsync or is_on("fsync")
    _store().room.require(copies * (request.announced_bytes or 0))
    with _store().adopt(taken) if taken else _store().partial() as partial:
        profile = run_profiled(lambda: receive(partial, deadline), profile_kind())
        if request.digest:
            request.digest.check()
        size_bytes = partial.size_bytes()
        deadline.check()  # a client that set a budget has gone by now
        upload_id = partial.commit(fsync)
    return _accept({"id": upload_id, "size_bytes": size_bytes}, started, profile)


def _accept(
    answer: dict[str, Any], started: float, profile: Profile | None, query: str = ""
) -> ResponseReturnValue:
    """Answer an upload that is stored, with its time so far; Location says where to ask for it."""
    answer |= {"seconds": time.perf_counter() - started, "framing": request.framing}
    if request.fallback:
        answer["fallback"] = request.fallback
    if profile:
        length = "chunked" if request.is_chunked else f"{request.content_length or 0}-bytes"
        # A client's text becomes the name of a file.
        kind = re.sub(r"[^a-z0-9.+-]", "-", request.mimetype)[:100] or "untyped"
        folder, reserve = current_settings().profile_dir / answer["id"], current_settings().reserve_bytes
        answer |= write_profile(profile, folder, f"{kind}_{length}", reserve)
    return answer, 201, {"Location": f"/uploads/{answer['id']}{query}"}


def _ask_next(verb: str, upload_id: str) -> dict[str, Any]:
    deadline = Deadline(budget_seconds())
    return relay.ask_hop(next_hop(), verb, upload_id, options_for_next("digest"), deadline)


def _read_taken(partial: Partial, deadline: Deadline) -> None:
    """Look at a body that the server in front has taken: abort with 413 if it is too long.

    Its bytes are read only for a digest that the client announces.
    """
    limit = limit_bytes()
    if limit is not None and partial.size_bytes() > limit:
        abort(413)
    while request.digest and (block := partial.file.read(current_settings().block_size)):
        deadline.check()
        request.digest.update(block)


def _read_form(direct: bool, partial: Partial, deadline: Deadline) -> None:
    if direct:
        request.destination, request.block_size = partial.file, current_settings().block_size
    upload = request.files[FIELD]  # the parser refuses a form without it
    request.body.finish()
    if upload.stream is partial.file:
        return  # the parser has written it where it belongs
    deadline.check()
    with closing(upload):
        _store().room.require(upload.stream.seek(0, os.SEEK_END))
        upload.stream.seek(0)
        upload.save(partial.file)


def _refuse_form() -> None:
    if request.mimetype == "multipart/form-data":
        abort(415, "this route takes the raw body: send a form to /request-files")


def _require_form() -> str:
    """Return the multipart boundary; abort with 415 or 400 where there is none."""
    if request.mimetype != "multipart/form-data":
        abort(415, f"this route takes multipart/form-data, not {request.mimetype or 'an untyped body'!r}")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    if not boundary.isascii():
        abort(400, f"the boundary {boundary!r} in the Content-Type is not ASCII")  # RFC 2046, 5.1.1
    return boundary


def _store() -> Store:
    return cast(Store, current_app.extensions["store"])
