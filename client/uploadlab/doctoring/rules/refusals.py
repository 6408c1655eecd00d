"""A small upload that does not arrive: a login, a redirect, another method, field, type or path."""

from collections.abc import Iterator
from http import HTTPStatus

from uploadlab.doctoring.rules.view import BROKEN, View, ended, fact, finding_rule, made
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Ending, Exchange, Stop
from uploadlab.private_urls import masked_template

LOGIN_WORDS = ("login", "signin", "sign-in", "sign_in", "auth", "sso")
"""In the address that a redirect names: where a server sends anyone without a session."""
REDIRECTS = (301, 302, 303, 307, 308)
WRONG_BODY = (400, 422, 500)
"""What apps answer to a form without the field that they read."""
FIELD_WORDS = ("field", "missing", "keyerror", "required", "no file", "no part", "badrequestkey")


def _first(view: View) -> Exchange | None:
    """Return the first upload, as the user sends it."""
    return next(iter(view.own("first")), None)


def _other(view: View) -> Exchange | None:
    """Return the first upload in another shape that arrived."""
    return next((found for found in view.own("first")[1:] if found.is_success), None)


def _sure(view: View, exchange: Exchange) -> Confidence:
    """Return how sure it is who refused: an answer's own page names its writer."""
    return Confidence.PROVEN if view.by(exchange) or _only_app(view) else Confidence.LIKELY


def _only_app(view: View) -> bool:
    """Return whether the far end took the same upload, so that only the app can have refused it."""
    return any(found.is_success for found in view.far("first"))


def _who(view: View, exchange: Exchange) -> str:
    """Return who refused: the page's writer; the app where the far end takes what the endpoint does not."""
    written = view.by(exchange)
    return written or ("app" if _only_app(view) else "")


@finding_rule
def wants_login(view: View) -> Iterator[Finding]:
    """Find a wanted login."""
    found = _first(view)
    if found and found.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        who = _who(view, found)
        asks = found.header("www-authenticate")
        evidence = [fact(found), *([f"WWW-Authenticate: {asks}"] if asks else [])]
        suspects = view.suspects("login", who or "app")
        if found.status == HTTPStatus.FORBIDDEN and _gets_through(view):
            suspects = list(dict.fromkeys([*view.causes(who, "method"), *suspects]))
        yield from made(
            f"The upload is refused with {found.status}: the server wants a login", Weight.PROBLEM, suspects,
            evidence, _sure(view, found),
        )  # fmt: skip


def _gets_through(view: View) -> bool:
    """Return whether a GET passes what refuses the upload: then the method is the difference."""
    got = [found for found in view.seen.of("identity") if found.verb == "GET" and found.status]
    return any(found.status != HTTPStatus.FORBIDDEN and view.by(found) == "app" for found in got)


@finding_rule
def redirected(view: View) -> Iterator[Finding]:
    """Find a redirect in place of an answer."""
    found = _first(view)
    if found and found.status in REDIRECTS:
        place = masked_template(found.header("location"))
        suspects = view.suspects("redirect", _who(view, found) or "app")
        if any(word in place.lower() for word in LOGIN_WORDS):
            suspects = ["app.login", *suspects]
        yield from made(
            f"The upload is answered {found.status}, a redirect to {place or 'nowhere'}: the body is dropped",
            Weight.PROBLEM, suspects, [fact(found), f"Location: {place}"], _sure(view, found),
        )  # fmt: skip


@finding_rule
def wrong_shape(view: View) -> Iterator[Finding]:
    """Find a method, type, field or path that the endpoint does not take."""
    found, other = _first(view), _other(view)
    if found is None or found.is_success:
        return
    evidence = [fact(found), *([f"{other.label}: arrives"] if other else [])]
    confidence = Confidence.PROVEN if other else _sure(view, found)
    causes = {
        HTTPStatus.METHOD_NOT_ALLOWED: ("method", ["app.method"]),
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("method", ["app.content-type"]),
        HTTPStatus.NOT_ACCEPTABLE: ("method", ["app.content-type"]),
        HTTPStatus.NOT_FOUND: ("method", ["app.route"]),
    }
    if found.status in causes:
        effect, own = causes[HTTPStatus(found.status)]
        who = view.by(found)
        front = view.causes(who, effect) if who and who != "app" else []
        words = HTTPStatus(found.status).phrase
        suspects = [*front, *own] if found.status == HTTPStatus.METHOD_NOT_ALLOWED else [*own, *front]
        yield from made(
            f"The upload is refused with {found.status} {words}",
            Weight.PROBLEM,
            suspects,
            evidence,
            confidence,
        )
    elif found.status in WRONG_BODY and found.is_form and (_names_field(found) or (other and other.is_form)):
        yield from made(
            f"The app answers {found.status}: it finds no file in the form's field", Weight.PROBLEM,
            ["app.field"], evidence, confidence,
        )  # fmt: skip
    elif found.status == HTTPStatus.BAD_REQUEST and other:
        cause = "app.field" if other.is_form else "app.content-type"
        yield from made(
            f"The app answers {found.status} to an upload in this shape", Weight.PROBLEM, [cause], evidence,
            confidence,
        )  # fmt: skip


def _names_field(found: Exchange) -> bool:
    text = found.content.lower()
    return any(word in text for word in FIELD_WORDS)


@finding_rule
def rate_limited(view: View) -> Iterator[Finding]:
    """Find a limit of requests: at the first 429, or at 503 after successes."""
    exchanges = view.seen.exchanges
    limited = [found for found in exchanges if found.status == HTTPStatus.TOO_MANY_REQUESTS]
    unavailable = [found for found in exchanges if found.status == HTTPStatus.SERVICE_UNAVAILABLE]
    answered = [found for found in exchanges if found.is_success]
    if limited or (unavailable and answered and view.by(unavailable[0]) in ("nginx", "apache", "haproxy")):
        found = (limited or unavailable)[0]
        own = ["app.rate-limit"] if limited else []
        who = view.by(found)
        front = [name for name in view.causes(who, "waiting") if "limit" in name] if who != "app" else []
        number = exchanges.index(found) + 1
        yield from made(
            f"Requests are limited: request {number} was answered {found.status}", Weight.PROBLEM,
            [*front, *own] if front else own or view.suspects("waiting", who), [fact(found)],
        )  # fmt: skip


@finding_rule
def certificate(view: View) -> Iterator[Finding]:
    """Find a certificate that is not trusted."""
    if view.seen.wire.certificate:
        yield from made(
            f"The certificate is not trusted: {view.seen.wire.certificate}", Weight.PROBLEM,
            ["tls.certificate"], ["TLS ended before a request was sent"], Confidence.PROVEN,
        )  # fmt: skip


@finding_rule
def small_fails(view: View) -> Iterator[Finding]:
    """Find a small upload that ends without an answer, or with an error of the server's."""
    found = _first(view)
    if found is None or view.seen.stop is Stop.LIMITED:
        return
    if found.status == HTTPStatus.INSUFFICIENT_STORAGE or _says_full(found):
        yield from made(
            f"The upload is answered {found.status}: the app cannot write it", Weight.PROBLEM, ["app.disk"],
            [fact(found)], Confidence.PROVEN if _says_full(found) else Confidence.LIKELY,
        )  # fmt: skip
    elif found.ending in BROKEN and view.seen.wire.round_trip_seconds is not None:
        effect = "duration" if (found.seconds or 0) > 1 else "size"
        yield from made(
            f"A small upload gets no answer: {ended(found)}", Weight.PROBLEM,
            view.suspects(effect, view.server), [fact(found)], Confidence.POSSIBLE,
        )  # fmt: skip
    elif found.ending is Ending.SILENT:
        yield from made(
            "A small upload gets no answer while the doctor waits", Weight.PROBLEM,
            ["app.slow-answer", *view.suspects("waiting", view.server)], [fact(found)], Confidence.POSSIBLE,
        )  # fmt: skip


def _says_full(found: Exchange) -> bool:
    text = found.content.lower()
    return "no space left" in text or "disk is full" in text or "errno 28" in text
