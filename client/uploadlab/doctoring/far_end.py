"""The file that a user mounts beside the app: probe_app.py with a token and a last day."""

import secrets
import time
from importlib.resources import files
from typing import NamedTuple

PATH = "/upload-lab-probe"
"""What the path of a far end ends in."""
DAYS = 7
"""A forgotten file answers no longer than that."""
TOKEN_BYTES = 32


class FarEnd(NamedTuple):
    """A file to mount, and what opens it."""

    source: str
    token: str
    until: float
    """In seconds of Unix time."""


def make_far_end(days: float = DAYS, token: str = "") -> FarEnd:
    """Return a far end that answers for that many days, with a random token unless there is one."""
    token = token or secrets.token_urlsafe(TOKEN_BYTES)
    until = time.time() + days * 86400
    source = (files("uploadlab.doctoring") / "probe_app.py").read_text()
    last_day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(until))
    for empty, filled in (
        ('\nTOKEN = ""\n', f"\nTOKEN = {token!r}\n"),
        ("\nUNTIL = 0\n", f"\nUNTIL = {int(until)}  # {last_day} UTC\n"),
    ):
        if source.count(empty) != 1:
            raise ValueError(f"probe_app.py has no single line {empty.strip()}")
        source = source.replace(empty, filled)
    return FarEnd(source, token, until)
