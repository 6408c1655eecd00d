"""The app's HTTP contract."""

import math
import platform
import re
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Blueprint, abort, current_app, request, send_from_directory
from flask.typing import ResponseReturnValue

from upload_app import profiling, receivers, usage
from upload_app.receivers import FIELD, Body, Deadline, FormLimits
from upload_app.request import UploadRequest
from upload_app.settings import Settings
from upload_app.storage import DIGESTS, Partial, Store

blueprint = Blueprint("uploads", __name__)
Choice = TypeVar("Choice")
Receive = Callable[[Partial, Deadline], None]
TAKEN = "UPLOAD_FILE"
"""Where the server in front has put the body, whole; no header's name in a WSGI environment (PEP 3333)."""
SWITCH = dict.fromkeys(("1", "true", "yes"), True) | dict.fromkeys(("0", "false", "no", ""), False)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Who answers here, in which versions, and whether it is idle."""
    return {
        "deployment": _settings().deployment,
        "versions": {"python": platform.python_version(), **_versions(), **_server_version()},
        "uploads_in_progress": _store().in_progress(),
    }


@blueprint.route("/request-stream", methods=["POST", "PUT"])
def request_stream() -> ResponseReturnValue:
    """Store the raw body; ``?reader=blocks|lines``."""
    readers = {"blocks": receivers.blocks, "lines": receivers.lines}
    read = _choice("reader", readers, default="blocks")
    if request.mimetype == "multipart/form-data":
        abort(415, "this route stores the raw body: send a form to /request-files")
    if taken := request.environ.get(TAKEN):
        return _receive(_check_size, Path(taken))
    return _receive(lambda partial, deadline: _read_raw(read, partial, deadline))


@blueprint.post("/request-files")
def request_files() -> ResponseReturnValue:
    """Store ``request.files['file']``; ``?spool=temp|direct``."""
    direct = _choice("spool", {"temp": False, "direct": True}, default="temp")
    _require_form()
    return _receive(lambda partial, deadline: _read_form(direct, partial, deadline))


@blueprint.post("/multipart-push")
def multipart_push() -> ResponseReturnValue:
    """Store the form's file through a push parser."""
    boundary = _require_form()
    size = _settings().block_size
    return _receive(
        lambda partial, deadline: receivers.multipart_push(
            Body(request.stream, deadline), partial.file, size, boundary, _form_limits()
        )
    )


@blueprint.get("/uploads/<upload_id>")
def stored(upload_id: str) -> ResponseReturnValue:
    """Size and digest of what is on disk; ``?digest=xxh3_128|sha256``."""
    algorithm = _choice("digest", {name: name for name in DIGESTS}, default="xxh3_128")
    try:
        size_bytes = _store().size_bytes(upload_id)
        digest = _store().digest(upload_id, algorithm)
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")
    return {"id": upload_id, "size_bytes": size_bytes, "algorithm": algorithm, "digest": digest}


@blueprint.delete("/uploads/<upload_id>")
def delete(upload_id: str) -> ResponseReturnValue:
    """Remove a stored upload, and its profile."""
    try:
        _store().delete(upload_id)
    except FileNotFoundError:
        abort(404, f"no upload {upload_id!r}")
    shutil.rmtree(_settings().profile_dir / upload_id, ignore_errors=True)
    return "", 204


@blueprint.get("/profiles/<upload_id>/<name>")
def profile(upload_id: str, name: str) -> ResponseReturnValue:
    """A file of an upload's profile."""
    _require_profiling()
    return send_from_directory(_settings().profile_dir.absolute(), f"{upload_id}/{name}")


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
    if not (_settings().strict_framing and _is_chunked()):
        return
    if request.environ.get("CONTENT_LENGTH"):  # Werkzeug hides it
        abort(400, "a body has a Content-Length or Transfer-Encoding: chunked, not both")  # RFC 9112, 6.1
    if "wsgi.input_terminated" not in request.environ:
        abort(411, "this server cannot read a chunked body: send a Content-Length")


def _receive(receive: Receive, taken: Path | None = None) -> ResponseReturnValue:
    """Run one receiver into a new file, or a taken one; the file counts only when it is complete."""
    started = time.perf_counter()
    deadline = Deadline(_budget_seconds())
    _request().deadline = deadline
    _request().strict = _settings().strict_framing
    _request().max_content_length = _most_bytes()
    fsync = _settings().fsync or _is_on("fsync")
    with _store().adopt(taken) if taken else _store().partial() as partial:
        profile = profiling.run(lambda: receive(partial, deadline), _profile_kind())
        size_bytes = partial.size_bytes()
        deadline.check()  # whoever asked for a budget has gone by now
        upload_id = partial.commit(fsync)
    answer: dict[str, Any] = {"id": upload_id, "size_bytes": size_bytes}
    answer["seconds"] = time.perf_counter() - started
    if profile:
        answer |= profiling.keep(profile, _settings().profile_dir / upload_id, _profile_name())
    return answer, 201, {"Location": f"/uploads/{upload_id}"}


def _read_raw(read: Callable[..., None], partial: Partial, deadline: Deadline) -> None:
    read(Body(request.stream, deadline), partial.file, _settings().block_size)
    expected = request.content_length
    # Chunked bodies carry no length to compare with, even where a proxy adds one.
    if expected is not None and not _is_chunked() and partial.size_bytes() != expected:
        abort(400, f"the body ended after {partial.size_bytes()} of {expected} bytes")


def _check_size(partial: Partial, deadline: Deadline) -> None:
    """Of a body that never came by here, all that is left to do."""
    most = _request().max_content_length
    if most is not None and partial.size_bytes() > most:
        abort(413)


def _read_form(direct: bool, partial: Partial, deadline: Deadline) -> None:
    if direct:
        _request().destination = partial.file
    upload = request.files.get(FIELD)
    if upload is None:
        raise receivers.NoFilePart
    if upload.stream is partial.file:
        return  # the parser has written it where it belongs
    partial.file.seek(0)
    partial.file.truncate()  # another file part came first and took the destination
    deadline.check()
    upload.save(partial.file)


def _require_form() -> str:
    """The multipart boundary; answers 415 or 400 where there is none."""
    if request.mimetype != "multipart/form-data":
        abort(415, f"this route takes multipart/form-data, not {request.mimetype or 'an untyped body'!r}")
    return request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")


def _choice(name: str, choices: dict[str, Choice], default: str) -> Choice:
    value = request.args.get(name, default)
    if value not in choices:
        abort(400, f"{name}={value!r}: choose one of {', '.join(choices)}")
    return choices[value]


def _budget_seconds() -> float:
    value = request.args.get("budget")
    try:
        budget_seconds = float(value) if value else _settings().budget_seconds
    except ValueError:
        budget_seconds = math.nan
    if not math.isfinite(budget_seconds):
        abort(400, f"budget={value!r} is not a number of seconds")
    return budget_seconds


def _most_bytes() -> int | None:
    """The body's limit: the deployment's, or a lower one that the client asks for."""
    value, own = request.args.get("limit"), _settings().max_content_length
    if not value:
        return own
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        abort(400, f"limit={value[:40]!r} is not a number of bytes")
    return min(int(value), own) if own is not None else int(value)


def _form_limits() -> FormLimits:
    """Those that Werkzeug's own parser keeps, so that each route refuses the same forms."""
    return FormLimits(_request().max_form_memory_size, _request().max_form_parts)


def _is_on(name: str) -> bool:
    value = request.args.get(name, "0").lower()
    if value not in SWITCH:
        abort(400, f"{name}={value!r}: choose 0 or 1")
    return SWITCH[value]


def _profile_kind() -> str:
    kind = request.args.get("profile", "0").lower()
    if SWITCH.get(kind) is False:
        return ""
    _require_profiling()
    known = {name: name for name in profiling.KINDS}
    known |= {name: "calls" for name, on in SWITCH.items() if on}
    return known.get(kind) or abort(400, f"profile={kind!r}: choose one of {', '.join(known)}")


def _require_profiling() -> None:
    if not _settings().profiling:
        abort(403, "profiling is switched off here: start this deployment with PROFILING=1")


def _profile_name() -> str:
    """The original's name for a profile: ``application-octet-stream_268435456-bytes``."""
    length = "chunked" if _is_chunked() else f"{request.content_length or 0}-bytes"
    # A client text becomes the name of a file.
    kind = re.sub(r"[^a-z0-9.+-]", "-", request.mimetype) or "untyped"
    return f"{kind[:100]}_{length}"


def _run_dir() -> Path:
    """Where the lab did not start this server, its session may hold what is nobody's business."""
    return _settings().run_dir or abort(
        403, "usage is switched off here: start this deployment with USAGE=1 and RUN_DIR"
    )


def _is_chunked() -> bool:
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()


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


def _settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def _store() -> Store:
    return cast(Store, current_app.extensions["store"])
