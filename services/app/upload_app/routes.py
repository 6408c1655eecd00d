"""The app's HTTP contract."""

import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, abort, current_app, request, send_from_directory
from flask.typing import ResponseReturnValue

from upload_app import options, profiling, receivers, relay, usage
from upload_app.receivers import FIELD, Body, Deadline, FormLimits
from upload_app.request import UploadRequest
from upload_app.storage import DIGESTS, Partial, Store

blueprint = Blueprint("uploads", __name__)
Receive = Callable[[Partial, Deadline], None]
TAKEN = "UPLOAD_FILE"
"""Where the server in front has put the body, whole; no header's name in a WSGI environment (PEP 3333)."""


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Who answers here, in which versions, and whether it is idle."""
    return {
        "deployment": options.settings().deployment,
        "versions": {"python": platform.python_version(), **_versions(), **_server_version()},
        "uploads_in_progress": _store().in_progress(),
    }


@blueprint.route("/request-stream", methods=["POST", "PUT"])
def request_stream() -> ResponseReturnValue:
    """Store the raw body; ``?reader=blocks|lines``."""
    readers = {"blocks": receivers.blocks, "lines": receivers.lines}
    read = options.choice("reader", readers, default="blocks")
    _refuse_form()
    if taken := request.environ.get(TAKEN):
        return _receive(_check_size, Path(taken))
    return _receive(lambda partial, deadline: _read_raw(read, partial, deadline))


@blueprint.post("/request-files")
def request_files() -> ResponseReturnValue:
    """Store ``request.files['file']``; ``?spool=temp|direct``."""
    direct = options.choice("spool", {"temp": False, "direct": True}, default="temp")
    _require_form()
    return _receive(lambda partial, deadline: _read_form(direct, partial, deadline))


@blueprint.post("/multipart-push")
def multipart_push() -> ResponseReturnValue:
    """Store the form's file through a push parser."""
    boundary = _require_form()
    size = options.settings().block_size
    return _receive(
        lambda partial, deadline: receivers.multipart_push(
            Body(request.stream, deadline), partial.file, size, boundary, _form_limits()
        )
    )


@blueprint.route("/stream-pass-to-next", methods=["POST", "PUT"])
def stream_pass_to_next() -> ResponseReturnValue:
    """Pass the raw body on to another deployment while it arrives; ``?next=NAME``."""
    started = time.perf_counter()
    hop = options.next_hop()
    _refuse_form()
    deadline = _begin()
    kind = request.content_type or "application/octet-stream"
    # Chunked bodies carry no length, even where a proxy adds one.
    length = None if options.is_chunked() else request.content_length or 0
    head = relay.Head(kind, length, options.passed_on("budget", "limit", "fsync"))
    body, size = Body(request.stream, deadline), options.settings().block_size
    stored: dict[str, Any] = {}
    with _store().partial():  # stays empty: it has this upload counted among those in progress
        profile = profiling.run(
            lambda: stored.update(relay.pass_on(hop, head, body, deadline, size)), options.profile_kind()
        )
    answer = {**stored, "next": hop.name, "next_seconds": stored.get("seconds")}
    return _accepted(answer, started, profile, f"?next={hop.name}")


@blueprint.get("/uploads/<upload_id>")
def stored(upload_id: str) -> ResponseReturnValue:
    """Size and digest of what is on disk; ``?digest=xxh3_128|sha256``."""
    algorithm = options.choice("digest", {name: name for name in DIGESTS}, default="xxh3_128")
    try:
        if "next" in request.args:
            return _ask_next("GET", upload_id)
        size_bytes = _store().size_bytes(upload_id)
        digest = _store().digest(upload_id, algorithm)
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")
    return {"id": upload_id, "size_bytes": size_bytes, "algorithm": algorithm, "digest": digest}


@blueprint.delete("/uploads/<upload_id>")
def delete(upload_id: str) -> ResponseReturnValue:
    """Remove a stored upload, and its profile."""
    try:
        if "next" in request.args:
            _ask_next("DELETE", upload_id)
        else:
            _store().delete(upload_id)
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")
    shutil.rmtree(options.settings().profile_dir / upload_id, ignore_errors=True)
    return "", 204


@blueprint.get("/profiles/<upload_id>/<name>")
def profile(upload_id: str, name: str) -> ResponseReturnValue:
    """A file of an upload's profile."""
    options.require_profiling()
    return send_from_directory(options.settings().profile_dir.absolute(), f"{upload_id}/{name}")


@blueprint.get("/usage")
def used() -> ResponseReturnValue:
    """What each process of this deployment has used so far, and how many files it has stored."""
    return usage.report(_run_dir(), _store())


@blueprint.post("/usage/reset")
def reset_usage() -> ResponseReturnValue:
    """The same, and have peaks of memory counted from now."""
    return usage.report(_run_dir(), _store(), reset=True)


@blueprint.before_request
def refuse_lost_framing() -> None:
    """With STRICT_FRAMING: no 2xx for a chunked body that this server presents as empty, or cuts."""
    if not (options.settings().strict_framing and options.is_chunked()):
        return
    if request.environ.get("CONTENT_LENGTH"):  # Werkzeug hides it
        abort(400, "a body has a Content-Length or Transfer-Encoding: chunked, not both")  # RFC 9112, 6.1
    if "wsgi.input_terminated" not in request.environ:
        abort(411, "this server cannot read a chunked body: send a Content-Length")


def _begin() -> Deadline:
    """Start the clock of an upload, and set what Werkzeug shall keep to."""
    deadline = Deadline(options.budget_seconds())
    _request().deadline = deadline
    _request().strict = options.settings().strict_framing
    _request().max_content_length = _limit()
    return deadline


def _limit() -> int | None:
    """The body's limit, as Werkzeug is to be told it; 413 for one that is announced as longer.

    Where the input ends by itself, Werkzeug refuses a body of just that many bytes, too.
    """
    most = options.most_bytes()
    if most is None:
        return None
    if (request.content_length or 0) > most:
        abort(413)
    return most + ("wsgi.input_terminated" in request.environ)


def _receive(receive: Receive, taken: Path | None = None) -> ResponseReturnValue:
    """Run one receiver into a new file, or a taken one; the file counts only when it is complete."""
    started = time.perf_counter()
    deadline = _begin()
    fsync = options.settings().fsync or options.is_on("fsync")
    with _store().adopt(taken) if taken else _store().partial() as partial:
        profile = profiling.run(lambda: receive(partial, deadline), options.profile_kind())
        size_bytes = partial.size_bytes()
        deadline.check()  # whoever asked for a budget has gone by now
        upload_id = partial.commit(fsync)
    return _accepted({"id": upload_id, "size_bytes": size_bytes}, started, profile)


def _accepted(
    answer: dict[str, Any], started: float, profile: profiling.Profile | None, query: str = ""
) -> ResponseReturnValue:
    """The answer to an upload that is stored, with its time so far; Location says where to ask for it."""
    answer["seconds"] = time.perf_counter() - started
    if profile:
        folder = options.settings().profile_dir / answer["id"]
        answer |= profiling.keep(profile, folder, options.profile_name())
    return answer, 201, {"Location": f"/uploads/{answer['id']}{query}"}


def _ask_next(verb: str, upload_id: str) -> dict[str, Any]:
    """What the next deployment says of an upload; raises FileNotFoundError for what is no id."""
    deadline = Deadline(options.budget_seconds())
    return relay.ask(options.next_hop(), verb, upload_id, options.passed_on("digest"), deadline)


def _read_raw(read: Callable[..., None], partial: Partial, deadline: Deadline) -> None:
    read(Body(request.stream, deadline), partial.file, options.settings().block_size)
    expected = request.content_length
    # Chunked bodies carry no length to compare with, even where a proxy adds one.
    if expected is not None and not options.is_chunked() and partial.size_bytes() != expected:
        abort(400, f"the body ended after {partial.size_bytes()} of {expected} bytes")


def _check_size(partial: Partial, deadline: Deadline) -> None:
    """Of a body that never came by here, all that is left to do."""
    most = options.most_bytes()
    if most is not None and partial.size_bytes() > most:
        abort(413)


def _read_form(direct: bool, partial: Partial, deadline: Deadline) -> None:
    if direct:
        _request().destination = partial.file
        _request().block_size = options.settings().block_size
    upload = request.files.get(FIELD)
    if upload is None:
        raise receivers.NoFilePart
    if upload.stream is partial.file:
        return  # the parser has written it where it belongs
    partial.file.seek(0)
    partial.file.truncate()  # another file part came first and took the destination
    deadline.check()
    upload.save(partial.file)


def _refuse_form() -> None:
    if request.mimetype == "multipart/form-data":
        abort(415, "this route takes the raw body: send a form to /request-files")


def _require_form() -> str:
    """The multipart boundary; answers 415 or 400 where there is none."""
    if request.mimetype != "multipart/form-data":
        abort(415, f"this route takes multipart/form-data, not {request.mimetype or 'an untyped body'!r}")
    return request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")


def _form_limits() -> FormLimits:
    """Those that Werkzeug's own parser keeps, so that each route refuses the same forms."""
    return FormLimits(_request().max_form_memory_size, _request().max_form_parts)


def _run_dir() -> Path:
    """Where the lab did not start this server, its session may hold what is nobody's business."""
    return options.settings().run_dir or abort(
        403, "usage is switched off here: start this deployment with USAGE=1 and RUN_DIR"
    )


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("flask", "werkzeug", "multipart")}


def _server_version() -> dict[str, str]:
    uwsgi = request.environ.get("uwsgi.version")
    if uwsgi:
        return {"uwsgi": uwsgi.decode()}
    name, _, number = request.environ.get("SERVER_SOFTWARE", "").partition(" ")[0].partition("/")
    return {name.lower(): number} if name else {}


def _request() -> UploadRequest:
    return cast(UploadRequest, request)


def _store() -> Store:
    return cast(Store, current_app.extensions["store"])
