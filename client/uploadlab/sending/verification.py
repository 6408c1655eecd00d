"""Compares what a server stored with what was sent."""

from contextlib import suppress

import requests

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.profiles import COUNTS, PROFILER
from uploadlab.sending.connections import get, session
from uploadlab.sending.upload import Uploaded, reason

VERIFY_SECONDS = 120.0


def fetch_profile(url: str, uploaded: Uploaded) -> tuple[dict[str, bytes], str]:
    """Return the files of a profiled upload by name; without any, the reason."""
    names, upload_id = uploaded.answer.get("profile"), uploaded.answer.get("id")
    if not isinstance(names, list) or not upload_id:
        return {}, str(uploaded.answer.get("profile_note", "the server cannot profile"))
    try:
        folder = f"{url}/profiles/{upload_id}"
        files = {str(name): get(f"{folder}/{name}", VERIFY_SECONDS).content for name in names}
    except (requests.RequestException, ValueError) as error:
        return {}, f"the profile cannot be fetched: {reason(error)}"
    for name in [name.removesuffix(PROFILER) + COUNTS for name in files if name.endswith(PROFILER)]:
        with suppress(requests.RequestException, ValueError):  # a server of an older version has none
            files[name] = get(f"{folder}/{name}", VERIFY_SECONDS).content
    return files, ""


def verify(url: str, uploaded: Uploaded, payload: Payload, keep: bool = False) -> Outcome:
    """Complete the outcome with what the server really stored. Remove the upload unless to keep."""
    outcome = uploaded.outcome
    if outcome.status is Status.OK and (problem := _compare(url, uploaded, payload, keep)):
        outcome.status, outcome.error = Status.WRONG, problem
    return outcome


def _compare(url: str, uploaded: Uploaded, payload: Payload, keep: bool) -> str:
    """Compare what is stored with what was sent, and return the difference, if any."""
    if not uploaded.stored_at:
        return "success without an upload id or a Location"
    outcome, address = uploaded.outcome, url + uploaded.stored_at
    try:
        outcome.stored_bytes, digest = read_back(address)
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"not verified: {reason(error)}"
    if not keep:
        remove_upload(address)
    outcome.digest_ok = digest == payload.digest
    if outcome.stored_bytes != payload.size_bytes:
        return f"{outcome.stored_bytes} of {payload.size_bytes} bytes"
    return "" if outcome.digest_ok else "right size, other bytes"


def read_back(address: str) -> tuple[int, str]:
    """Return size and digest of what is stored there.

    Raise RequestException, ValueError, KeyError, TypeError.
    """
    stored = get(address, VERIFY_SECONDS).json()
    return int(stored["size_bytes"]), str(stored["digest"])


def remove_upload(address: str) -> None:
    """Remove a stored upload. One that stays costs space, but is no less stored."""
    with suppress(requests.RequestException), session() as connection:
        connection.delete(address, timeout=VERIFY_SECONDS)
