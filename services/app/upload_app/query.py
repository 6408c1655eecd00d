"""The options that a client sets in the query of its request; a wrong value is a 400."""

import math
import re
from typing import TypeVar, cast

from flask import abort, current_app, request

from upload_app.profiling import KINDS
from upload_app.settings import Hop, Settings

Choice = TypeVar("Choice")
MOST_BUDGET_SECONDS = 7 * 86400
"""A week: a slow line takes days for a terabyte, and what takes longer has been forgotten."""
MOST_SHOWN = 40
"""Letters of a client's text that a refusal repeats."""
SWITCH = dict.fromkeys(("1", "true", "yes"), True) | dict.fromkeys(("0", "false", "no", ""), False)


def current_settings() -> Settings:
    """Return the settings of this deployment."""
    return cast(Settings, current_app.extensions["settings"])


def choose(name: str, choices: dict[str, Choice], default: str) -> Choice:
    """Return the value of the choice that the query names."""
    value = request.args.get(name, default)
    if value not in choices:
        abort(400, f"{name}={value[:MOST_SHOWN]!r}: choose one of {', '.join(choices)}")
    return choices[value]


def is_on(name: str) -> bool:
    """Return whether a switch is on; off by default."""
    value = request.args.get(name, "0").lower()
    if value not in SWITCH:
        abort(400, f"{name}={value[:MOST_SHOWN]!r}: choose 0 or 1")
    return SWITCH[value]


def budget_seconds() -> float:
    """Return the time this upload may take: the client's, else the deployment's."""
    value = request.args.get("budget")
    if not value:
        return current_settings().budget_seconds
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds > MOST_BUDGET_SECONDS:
        abort(400, f"budget={value[:MOST_SHOWN]!r} is not a number of seconds up to {MOST_BUDGET_SECONDS}")
    return seconds


def limit_bytes() -> int | None:
    """Return the body's limit: the deployment's, or a lower one that the client sets. None: no limit."""
    value, own = request.args.get("limit"), current_settings().max_content_length
    if not value:
        return own
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        abort(400, f"limit={value[:MOST_SHOWN]!r} is not a number of bytes")
    return min(int(value), own) if own is not None else int(value)


def next_hop() -> Hop:
    """Return the deployment to pass an upload on to: one of NEXT_HOPS, its first by default."""
    hops = current_settings().next_hops
    if not hops:
        abort(403, "this deployment passes no uploads on: start it with NEXT_HOPS='name=http://host:port'")
    return choose("next", hops, default=next(iter(hops)))


def options_for_next(*names: str) -> dict[str, str]:
    """Return those of the client's options that the next deployment has to apply."""
    return {name: request.args[name] for name in names if name in request.args}


def profile_kind() -> str:
    """Return which kind of profile the client wants; empty for none."""
    kind = request.args.get("profile", "0").lower()
    if SWITCH.get(kind) is False:
        return ""
    require_profiling()
    known = {name: name for name in KINDS} | {name: "calls" for name, on in SWITCH.items() if on}
    return known.get(kind) or abort(400, f"profile={kind[:MOST_SHOWN]!r}: choose one of {', '.join(known)}")


def require_profiling() -> None:
    """Abort with 403 where profiling is switched off."""
    if not current_settings().profiling:
        abort(403, "profiling is switched off here: start this deployment with PROFILING=1")
