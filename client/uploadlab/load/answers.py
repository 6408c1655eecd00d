"""What a server's answer to a Locust user means."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.sending.answered import bytes_of, json_of, reason, refusal, seconds_of, stored_at
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
        outcome.error = unmet(spec, answer.status_code, content, location) or None
        outcome.status = Status.REFUSED if outcome.error else Status.UNVERIFIED
    elif answer.status_code != HTTPStatus.CREATED:
        outcome.status = Status.REFUSED
        outcome.error = refusal(answer.status_code, HTTPStatus.CREATED, said, location, url)
    else:
        outcome.server_seconds = seconds_of(said.get("seconds"))
        outcome.stored_bytes = bytes_of(said.get("size_bytes"))
        if outcome.stored_bytes not in (size_bytes, None):  # a plain web server names no size
            outcome.status, outcome.error = Status.WRONG, f"{outcome.stored_bytes} of {size_bytes} bytes"
    answered = Answered(url, name, content, location) if spec else None
    return Uploaded(outcome, said, stored_at(said, location), answered)


def _location(answer: Any) -> str | None:
    """Return where an answer points; of a redirect, requests' own headers do not say it."""
    headers = getattr(getattr(answer, "raw", None), "headers", None) or answer.headers
    location = headers.get("Location")
    return location if isinstance(location, str) else None
