"""Compares what a server stored with what was sent."""

import re
import time
from contextlib import suppress
from urllib.parse import urlsplit

import requests

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.profiles import COUNTS, PROFILER
from uploadlab.sending.answered import bytes_of, json_of, reason, words_of
from uploadlab.sending.connections import get, session
from uploadlab.sending.upload import Uploaded

VERIFY_SECONDS = 120.0
PROFILE_BYTES = 64 << 20
"""The most that is taken of a profile, all files together."""
LEAST_SECONDS = 1.0
"""For a file of a profile, when the time for all is over."""
PROFILE_NAME = re.compile(r"\w[\w.+-]{0,150}\.(txt|pstats|json|html)", re.ASCII)
MOST_FILES = 8


def fetch_profile(url: str, uploaded: Uploaded) -> tuple[dict[str, bytes], str]:
    """Return the files of a profiled upload by name; without any, the reason."""
    names, place = uploaded.answer.get("profile"), uploaded.stored_at
    if not isinstance(names, list) or not place:
        return {}, words_of(uploaded.answer.get("profile_note", "the server cannot profile"))
    if strange := [name for name in names if not PROFILE_NAME.fullmatch(str(name))]:
        return {}, f"the server names {words_of(strange[0])!r}, which is no name of a profile"
    upload_id = urlsplit(place).path.rpartition("/")[2]
    folder = f"{url}/profiles/{upload_id}"
    files: dict[str, bytes] = {}
    end = time.monotonic() + VERIFY_SECONDS

    def fetch(name: str) -> None:
        left_bytes = PROFILE_BYTES - sum(map(len, files.values()))
        left_seconds = max(LEAST_SECONDS, end - time.monotonic())
        files[name] = get(f"{folder}/{name}", left_seconds, left_bytes).content

    try:
        for name in names[:MOST_FILES]:
            fetch(str(name))
    except (requests.RequestException, ValueError) as error:
        return {}, f"the profile cannot be fetched: {reason(error)}"
    for name in [name.removesuffix(PROFILER) + COUNTS for name in files if name.endswith(PROFILER)]:
        with suppress(requests.RequestException, ValueError):  # a server of an older version has none
            fetch(name)
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
    except (requests.RequestException, ValueError) as error:
        return f"not verified: {reason(error)}"
    if not keep:
        remove_upload(address)
    outcome.digest_ok = digest == payload.digest
    if outcome.stored_bytes != payload.size_bytes:
        return f"{outcome.stored_bytes} of {payload.size_bytes} bytes"
    return "" if outcome.digest_ok else "right size, other bytes"


def read_back(address: str) -> tuple[int, str]:
    """Return size and digest of what is stored there.

    Raise RequestException, ValueError.
    """
    stored = json_of(get(address, VERIFY_SECONDS).content)
    size_bytes = bytes_of(stored.get("size_bytes"))
    if size_bytes is None:
        raise ValueError("the server does not say how many bytes it has")
    return size_bytes, words_of(stored.get("digest"))


def remove_upload(address: str) -> None:
    """Remove a stored upload. One that stays costs space, but is no less stored."""
    with suppress(requests.RequestException), session() as connection:
        connection.delete(address, timeout=VERIFY_SECONDS)
