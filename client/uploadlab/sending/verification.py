"""Compares what a server stored with what was sent."""

from contextlib import suppress

import requests

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.sending.connections import session
from uploadlab.sending.upload import Uploaded, reason

VERIFY_SECONDS = 120.0


def fetch_profile(url: str, uploaded: Uploaded) -> tuple[dict[str, bytes], str]:
    """The files of a profiled upload by name; without any, why there are none."""
    names, upload_id = uploaded.answer.get("profile"), uploaded.answer.get("id")
    if not isinstance(names, list) or not upload_id:
        return {}, str(uploaded.answer.get("profile_note", "the server cannot profile"))
    try:
        return {str(name): _content(f"{url}/profiles/{upload_id}/{name}") for name in names}, ""
    except requests.RequestException as error:
        return {}, f"the profile cannot be fetched: {reason(error)}"


def verify(url: str, uploaded: Uploaded, payload: Payload, keep: bool = False) -> Outcome:
    """Complete the outcome with what the server really stored, and remove that unless to keep."""
    outcome = uploaded.outcome
    if outcome.status is not Status.OK:
        return outcome
    if not uploaded.stored_at:
        outcome.status, outcome.error = Status.WRONG, "success without an upload id or a Location"
        return outcome
    try:
        stored_bytes, digest = read_back(url + uploaded.stored_at, keep)
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        outcome.status, outcome.error = Status.WRONG, f"not verified: {reason(error)}"
        return outcome
    return _compare(outcome, stored_bytes, digest, payload)


def _compare(outcome: Outcome, stored_bytes: int, digest: str, payload: Payload) -> Outcome:
    """Only bytes that arrived count."""
    outcome.stored_bytes = stored_bytes
    outcome.digest_ok = digest == payload.digest
    if stored_bytes != payload.size_bytes:
        outcome.status, outcome.error = Status.WRONG, f"{stored_bytes} of {payload.size_bytes} bytes"
    elif not outcome.digest_ok:
        outcome.status, outcome.error = Status.WRONG, "right size, other bytes"
    return outcome


def read_back(address: str, keep: bool) -> tuple[int, str]:
    """Size and digest of what is stored there, removed unless to keep.

    Raises RequestException, ValueError, KeyError, TypeError.
    """
    with session() as one:
        response = one.get(address, timeout=VERIFY_SECONDS)
    response.raise_for_status()
    if not keep:
        # One that stays costs space, but is no less stored.
        with suppress(requests.RequestException), session() as one:
            one.delete(address, timeout=VERIFY_SECONDS)
    stored = response.json()
    return int(stored["size_bytes"]), str(stored["digest"])


def _content(address: str) -> bytes:
    with session() as one:
        response = one.get(address, timeout=VERIFY_SECONDS)
    response.raise_for_status()
    return response.content
