"""What a server's answer to one of Locust's users means."""

import json
from http import HTTPStatus
from typing import Any

from uploadlab.model.measurements import Outcome, Status
from uploadlab.sending.upload import reason, stored_at


def judge(answer: Any, size_bytes: int, expect_status: int) -> tuple[Outcome, str | None]:
    """The outcome of an upload of that size, and the path where it can be read back.

    A foreign server's success is the status that is expected of it, and nothing more is known; the app's is
    201, and not with another size, and what it stored can be verified later.
    """
    status = answer.status_code
    if not status:
        error = getattr(answer, "error", None)
        return Outcome(status=Status.FAILED, error=reason(error) if error else "no answer"), None
    content = _content(answer)
    outcome = Outcome(status=Status.OK, http_status=status)
    if status != (expect_status or HTTPStatus.CREATED):
        outcome.status = Status.REFUSED
        outcome.error = str(content.get("error") or f"HTTP status {status}")
    elif expect_status:
        outcome.status = Status.UNVERIFIED
    else:
        outcome.server_seconds = content.get("seconds")
        outcome.stored_bytes = content.get("size_bytes")
        if outcome.stored_bytes not in (size_bytes, None):  # a plain web server names none
            outcome.status = Status.WRONG
            outcome.error = f"{outcome.stored_bytes} of {size_bytes} bytes"
    return outcome, stored_at(content, answer.headers.get("Location"))


def _content(answer: Any) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except (ValueError, TypeError):
        return {}
    return content if isinstance(content, dict) else {}
