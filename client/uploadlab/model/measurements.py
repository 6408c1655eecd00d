"""What one upload showed."""

from enum import StrEnum

from msgspec import Struct

from uploadlab.model.cells import Count
from uploadlab.model.host_use import HostUse


class Status(StrEnum):
    """How one upload ended."""

    OK = "ok"
    UNVERIFIED = "unverified"
    """Success by the word of a server of the user's: the lab was not shown where to read back."""
    WRONG = "wrong"
    """The server said success, but what it stored differs."""
    REFUSED = "refused"
    """An HTTP answer other than success."""
    FAILED = "failed"
    """No answer: the connection broke."""
    TIMEOUT = "timeout"
    """Over the cell's budget."""
    UNAVAILABLE = "unavailable"
    """The deployment cannot start here."""


ACCEPTED = (Status.OK, Status.UNVERIFIED)
"""What counts as a rate: proven, or marked as unverified."""


class Outcome(HostUse, kw_only=True):
    """What one upload showed. What could not be measured is None.

    Times run from before the request is built. CPU and memory of the server are of all processes of
    the deployment together.
    """

    status: Status
    seconds: float | None = None
    """Until the answer was read; of an upload without one, until its connection broke."""
    connected_seconds: float | None = None
    """Until the connection was there."""
    first_sent_seconds: float | None = None
    """Until the request's head was handed to the system."""
    sent_seconds: float | None = None
    """Until the last block of the body was handed to the system."""
    response_wait_seconds: float | None = None
    """From then to the answer."""
    longest_stall_seconds: float | None = None
    """The longest time in which the system took no block of the body; None for a body of few blocks."""
    http_status: int | None = None
    error: str | None = None
    fallback: str | None = None
    """Why the body was sent or read by blocks, where the method can avoid copies; None: it was not."""
    sent_bytes: int | None = None
    """Of bodies, handed to the system over all requests; None for a method of one request."""
    breaks: int | None = None
    """How often a request that carries the file had to be made again; None for a method of one request."""
    stored_bytes: int | None = None
    digest_ok: bool | None = None
    removed: bool | None = None
    """Whether the lab has removed it from a server of the user's; None: it was not to, or the lab owns it."""
    server_seconds: float | None = None
    """In the app's handler."""
    server_cpu_seconds: float | None = None
    server_system_seconds: float | None = None
    """Of the server's CPU seconds, those in the kernel; in steps of 10 ms."""
    client_cpu_seconds: float | None = None
    server_peak_rss_bytes: int | None = None
    client_peak_rss_bytes: int | None = None
    spooled_bytes: int | None = None
    """Written to disk in addition to the stored file."""
    usage_note: str | None = None
    """Why something of the server's use is not known."""


class Measurement(Outcome, kw_only=True):
    """One line of measurements.jsonl: one timed upload of one cell."""

    run_id: str
    cell_id: str
    deployment: str
    method: str
    size_bytes: int
    round: Count
    warmup: bool
    repeat: bool = False
    """Whether the round was measured before, while the host was disturbed."""
    started_at: str
    """UTC, ISO 8601."""


class Profiled(Struct, frozen=True):
    """One line of profiles.jsonl: one upload under a profiler."""

    cell_id: str
    kind: str
    seconds: float | None
    files: list[str]
    """Below the run's folder."""
    note: str = ""
    """Why there are none."""
