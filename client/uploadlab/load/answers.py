"""What a server's answer to a Locust user means."""

import json
from http import HTTPStatus
from typing import Any

from uploadlab.model.measurements import Outcome, Status
from uploadlab.private_urls import masked
from uploadlab.sending.upload import reason, stored_at


def judge_answer(answer: Any, size_bytes: int, expect_status: int) -> tuple[Outcome, str | None]:
    """Return the outcome of an upload of that size, and the path where it can be read back.

    A foreign server's success is the expected status, and its contents are not known. The app's success is
    201 with the right size or none, and what it stored can be verified later.
    """
    outcome = Outcome(status=Status.OK, http_status=answer.status_code or None)
    if not answer.status_code:
        error = getattr(answer, "error", None)
        outcome.status, outcome.error = Status.FAILED, reason(error) if error else "no answer"
        return outcome, None
    content = _content(answer)
    expected = expect_status or HTTPStatus.CREATED
    if answer.status_code != expected:
        outcome.status = Status.REFUSED
        outcome.error = masked(
            str(content.get("error") or f"answered {answer.status_code}, expected {expected}")
        )
    elif expect_status:
        outcome.status = Status.UNVERIFIED
    else:
        outcome.server_seconds = content.get("seconds")
        outcome.stored_bytes = content.get("size_bytes")
        if outcome.stored_bytes not in (size_bytes, None):  # a plain web server names no size
            outcome.status, outcome.error = Status.WRONG, f"{outcome.stored_bytes} of {size_bytes} bytes"
    return outcome, stored_at(content, answer.headers.get("Location"))


def _content(answer: Any) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except (ValueError, TypeError):
        return {}
    return content if isinstance(content, dict) else {}
