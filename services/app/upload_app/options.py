"""What a client asks for in the query, and what its request says of the body; a wrong value is a 400."""

import math
import re
from typing import TypeVar, cast

from flask import abort, current_app, request

from upload_app import profiling
from upload_app.relay import Hop
from upload_app.settings import Settings

Choice = TypeVar("Choice")
SWITCH = dict.fromkeys(("1", "true", "yes"), True) | dict.fromkeys(("0", "false", "no", ""), False)


def settings() -> Settings:
    """What this deployment has set."""
    return cast(Settings, current_app.extensions["settings"])


def choice(name: str, choices: dict[str, Choice], default: str) -> Choice:
    """One of these, by its name."""
    value = request.args.get(name, default)
    if value not in choices:
        abort(400, f"{name}={value!r}: choose one of {', '.join(choices)}")
    return choices[value]


def is_on(name: str) -> bool:
    """A switch, off by default."""
    value = request.args.get(name, "0").lower()
    if value not in SWITCH:
        abort(400, f"{name}={value!r}: choose 0 or 1")
    return SWITCH[value]


def budget_seconds() -> float:
    """The time of this upload: the client's word, or the deployment's."""
    value = request.args.get("budget")
    try:
        seconds = float(value) if value else settings().budget_seconds
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        abort(400, f"budget={value!r} is not a number of seconds")
    return seconds


def most_bytes() -> int | None:
    """The body's limit: the deployment's, or a lower one that the client asks for."""
    value, own = request.args.get("limit"), settings().max_content_length
    if not value:
        return own
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        abort(400, f"limit={value[:40]!r} is not a number of bytes")
    return min(int(value), own) if own is not None else int(value)


def next_hop() -> Hop:
    """The deployment to pass an upload on to: one of the environment's list, its first by default."""
    hops = settings().next_hops
    if not hops:
        abort(403, "nothing is passed on here: start this deployment with NEXT_HOPS='name=http://host:port'")
    return choice("next", hops, default=next(iter(hops)))


def passed_on(*names: str) -> dict[str, str]:
    """Those of the client's options that are the next deployment's to keep."""
    return {name: request.args[name] for name in names if name in request.args}


def profile_kind() -> str:
    """Which kind of profile is wanted; empty for none."""
    kind = request.args.get("profile", "0").lower()
    if SWITCH.get(kind) is False:
        return ""
    require_profiling()
    known = {name: name for name in profiling.KINDS}
    known |= {name: "calls" for name, on in SWITCH.items() if on}
    return known.get(kind) or abort(400, f"profile={kind!r}: choose one of {', '.join(known)}")


def require_profiling() -> None:
    """Answer 403 where it is switched off."""
    if not settings().profiling:
        abort(403, "profiling is switched off here: start this deployment with PROFILING=1")


def profile_name() -> str:
    """The original's name for a profile: ``application-octet-stream_268435456-bytes``."""
    length = "chunked" if is_chunked() else f"{request.content_length or 0}-bytes"
    # A client text becomes the name of a file.
    kind = re.sub(r"[^a-z0-9.+-]", "-", request.mimetype) or "untyped"
    return f"{kind[:100]}_{length}"


def is_chunked() -> bool:
    """Whether the body comes without a length of its own."""
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()
