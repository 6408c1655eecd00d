"""What a server's answer to a Locust user means."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.sending.answered import bytes_of, json_of, reason, seconds_of, stored_at, words_of
from uploadlab.sending.connections import is_redirect, unsuccessful
from uploadlab.sending.foreign import Answered, unmet
from uploadlab.sending.upload import Uploaded


def judge_answer(
    answer: Any,
    read: Callable[[], bytes],
    size_bytes: int,
    spec: TargetSpec | None = None,
    url: str = "",
    name: str = "",
) -> Uploaded:
    """Return what happened to an upload of that size, with where it can be read back.

    What success is of a server of the user's own, its spec says. The app's success is 201 with the right size
    or none, and what it stored can be verified later. ``read`` returns the content.
    """
    outcome = Outcome(status=Status.OK, http_status=answer.status_code or None)
    if not answer.status_code:
        error = getattr(answer, "error", None)
        outcome.status, outcome.error = Status.FAILED, reason(error) if error else "no answer"
        return Uploaded(outcome)
    try:
        content, location = read(), _location(answer)
    except OSError as error:
        return Uploaded(Outcome(status=Status.FAILED, error=reason(error)))
    said = json_of(content)
    if spec:
        problem = unmet(spec, answer.status_code, content)
        outcome.status = Status.REFUSED if problem else Status.UNVERIFIED
    else:
        problem = _not_created(answer.status_code, said)
        outcome.status = Status.REFUSED if problem else Status.OK
    if problem and is_redirect(answer.status_code):
        problem = unsuccessful(answer.status_code, "", location)
    outcome.error = problem or None
    if outcome.status is Status.OK:
        outcome.server_seconds = seconds_of(said.get("seconds"))
        outcome.stored_bytes = bytes_of(said.get("size_bytes"))
        if outcome.stored_bytes not in (size_bytes, None):  # a plain web server names no size
            outcome.status, outcome.error = Status.WRONG, f"{outcome.stored_bytes} of {size_bytes} bytes"
    answered = Answered(url, name, content, location) if spec else None
    return Uploaded(outcome, said, stored_at(said, location), answered)


def _not_created(http_status: int, said: dict[str, Any]) -> str:
    """Return why an answer is not the app's success; empty if it is."""
    expected = HTTPStatus.CREATED
    if http_status == expected:
        return ""
    return words_of(said.get("error")) or f"answered {http_status}, expected {expected}"


def _location(answer: Any) -> str | None:
    """Return where an answer points; of a redirect, requests' own headers do not say it."""
    headers = getattr(getattr(answer, "raw", None), "headers", None) or answer.headers
    location = headers.get("Location")
    return location if isinstance(location, str) else None
