"""What a server's answer to a Locust user means."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uploadlab.model.measurements import Outcome, Status
from uploadlab.sending.answered import bytes_of, json_of, reason, refusal, seconds_of, stored_at


def judge_answer(
    answer: Any, read: Callable[[], bytes], size_bytes: int, expect_status: int
) -> tuple[Outcome, str | None]:
    """Return the outcome of an upload of that size, and the path where it can be read back.

    A foreign server's success is the expected status, and its contents are not known. The app's success is
    201 with the right size or none, and what it stored can be verified later. ``read`` returns the content.
    """
    outcome = Outcome(status=Status.OK, http_status=answer.status_code or None)
    if not answer.status_code:
        error = getattr(answer, "error", None)
        outcome.status, outcome.error = Status.FAILED, reason(error) if error else "no answer"
        return outcome, None
    try:
        content, location = json_of(read()), _location(answer)
    except OSError as error:
        return Outcome(status=Status.FAILED, error=reason(error)), None
    expected = expect_status or HTTPStatus.CREATED
    if answer.status_code != expected:
        outcome.status, outcome.error = (
            Status.REFUSED,
            refusal(answer.status_code, expected, content, location),
        )
    elif expect_status:
        outcome.status = Status.UNVERIFIED
    else:
        outcome.server_seconds = seconds_of(content.get("seconds"))
        outcome.stored_bytes = bytes_of(content.get("size_bytes"))
        if outcome.stored_bytes not in (size_bytes, None):  # a plain web server names no size
            outcome.status, outcome.error = Status.WRONG, f"{outcome.stored_bytes} of {size_bytes} bytes"
    return outcome, stored_at(content, location)


def _location(answer: Any) -> str | None:
    """Return where an answer points; of a redirect, requests' own headers do not say it."""
    headers = getattr(getattr(answer, "raw", None), "headers", None) or answer.headers
    location = headers.get("Location")
    return location if isinstance(location, str) else None
