"""Which cases of the check apply to which routes of a target."""

from uploadlab.catalogue.attempts import PAUSES, Attempt, Then
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS, methods_at
from uploadlab.model.deployments import Target

SLOW_ROUTE_BYTES = 200_000
"""What a slow route is sent at most: most servers read lines byte by byte, half a megabyte in a second."""


def applies(target: Target, case: str) -> bool:
    """Return whether any attempt of the case makes sense at the target."""
    if target.foreign and CASES[case].contract:
        return False
    return any(routes(target, attempt) for attempt in CASES[case].attempts())


def routes(target: Target, attempt: Attempt) -> list[str]:
    """Return the routes that take the attempt's kind of body; slow routes only if it ends soon.

    A server without the lab's routes has its own URL alone.
    """
    if not _is_possible(target, attempt):
        return []
    if spec := target.foreign:
        makes_sense = _is_general(target, attempt) and spec.takes(attempt.form)
        return [""] if makes_sense else []
    methods = [METHODS[name] for name in methods_at(target) if METHODS[name].form == attempt.form]
    soon = attempt.file.size_bytes <= SLOW_ROUTE_BYTES and attempt.then not in PAUSES
    found = list(dict.fromkeys(method.route for method in methods if soon or not method.slow))
    return found if attempt.each_route else found[:1]


def _is_general(target: Target, attempt: Attempt) -> bool:
    """Return whether an attempt makes sense at a server without the lab's routes."""
    if any("limit=" in tried.query for tried in (attempt, *attempt.after)):  # which those routes alone have
        return False
    # Each of several would need a URL of its own.
    return not (attempt.after and "{name}" in target.url)


def _is_possible(target: Target, attempt: Attempt) -> bool:
    """Return whether an attempt can be made over the target's connections. Without a URL yet, it may.

    TLS has no half-closed connection, and its records do not show what waits to be read.
    """
    if not target.url:
        return True
    tls = target.url.startswith("https://")
    half_closed = any(tried.then is Then.END or tried.expect for tried in (attempt, *attempt.after))
    return attempt.over_tls in (None, tls) and not (half_closed and tls)
