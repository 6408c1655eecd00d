"""What concurrent uploads showed."""

from msgspec import Struct

from uploadlab.model.host_use import HostUse
from uploadlab.model.measurements import Status


class LoadUpload(Struct, kw_only=True):
    """One line of load/uploads.jsonl: one upload among many. What could not be measured is None."""

    step_id: str
    user: str
    """Which worker's which user."""
    slow: bool
    method: str
    size_bytes: int
    started_at: float
    """Seconds since 1970, by the worker's clock."""
    seconds: float
    """From before the request was built until the answer was read, or it failed."""
    status: Status
    sent_bytes: int
    """Of the file, as far as they were handed to the system."""
    http_status: int | None = None
    error: str | None = None
    stored_bytes: int | None = None
    digest_ok: bool | None = None
    removed: bool | None = None
    """Whether the lab has removed it from a server of the user's."""
    server_seconds: float | None = None


class LoadStep(HostUse, kw_only=True):
    """One line of load/steps.jsonl: a step that was done, or why it could not be."""

    step_id: str
    started_at: str
    status: Status
    error: str | None = None
    workers: int = 0
    worker_cpu_seconds: float | None = None
    """Of all workers together, while files were sent."""
    worker_peak_rss_bytes: int | None = None
    """Of the largest of them."""
    server_cpu_seconds: float | None = None
    server_peak_rss_bytes: int | None = None
    spooled_bytes: int | None = None
    verify_worker_cpu_seconds: float | None = None
    """Afterwards, reading digests and removing files."""
    verify_server_cpu_seconds: float | None = None
    usage_note: str | None = None
    """Why something of the server's use is not known."""
    uploads_end: int = 0
    """Size of uploads.jsonl with this step's rows: what lies beyond belongs to one that was cut short."""
