"""The lab's words as types. Nothing here does anything."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from uploadlab.compare.comparison import Comparison
from uploadlab.verdicts import Known

SCHEMA_VERSION = 1
REFERENCE = "reference"
"""The tier of rows that mark a ceiling."""
DERIVED = "config"
"""The tier of a deployment that only a config in configs/ makes one."""
EXTERNAL = "target"
"""The tier of a server that the user named by its URL."""


class LabError(Exception):
    """Something the user can mend: one line that says what, which value, and what to type next."""


class UsageError(LabError):
    """A wrong command line or a wrong plan."""


class Status(StrEnum):
    """What became of one upload."""

    OK = "ok"
    UNVERIFIED = "unverified"
    """Success by the word of a foreign server: what it stored cannot be read back."""
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
"""What counts as a rate; the one is proven, the other says so."""


class Service(Struct, frozen=True):
    """One process of a deployment, as compose.yaml declares it."""

    name: str
    command: list[str]
    environment: dict[str, str]
    stop_signal: str


class Deployment(Struct, frozen=True):
    """The Flask app behind a server family and one config file."""

    name: str
    title: str
    tier: str
    why: str
    port: int
    accepts: list[str]
    """Methods that make sense here; empty: all."""
    needs: list[str]
    services: list[Service]
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""
    based_on: str = ""
    """The one of compose.yaml that it is made from, service by service; empty: it is there itself."""


class Foreign(Struct, frozen=True):
    """An upload endpoint that does not answer the lab's contract: what it stored cannot be verified."""

    expect_status: int
    """How it says success."""
    field: str
    """The form's field for the file."""


class Target(Struct, frozen=True):
    """What the client measures: a name and a URL that answers the lab's HTTP contract."""

    name: str
    url: str
    tier: str = EXTERNAL
    accepts: list[str] = []
    unavailable: str = ""
    """Why it cannot be measured here; empty: it can."""
    foreign: Foreign | None = None
    """Its URL takes uploads as it is; None: it has the lab's routes."""
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""


class Cell(Struct, frozen=True):
    """Target x method x size."""

    deployment: str
    method: str
    size_bytes: int

    @property
    def id(self) -> str:
        """``flask/request.stream/67108864``."""
        return f"{self.deployment}/{self.method}/{self.size_bytes}"


class Step(Struct, frozen=True):
    """A cell x users who upload at the same time, each one file after the other."""

    cell: Cell
    users: int
    """As fast as they can."""
    seconds: float
    """After this time nobody starts another upload."""
    slow_users: int = 0
    """Beside them, and not counted with them."""
    pace: int = 0
    """Bytes a second of each slow user."""

    @property
    def id(self) -> str:
        """``flask/request.stream/16777216/8``, with slow users ``.../1+8``."""
        return f"{self.cell.id}/{self.users}" + (f"+{self.slow_users}" if self.slow_users else "")


class Planned(NamedTuple):
    """A cell, how often to measure it, and the size of its warm-up."""

    cell: Cell
    rounds: int
    warmup_bytes: int


class Task(Struct, frozen=True):
    """One upload that a run has to do."""

    cell: Cell
    round: int
    warmup: bool = False


class Outcome(Struct, kw_only=True):
    """What one upload showed. What could not be measured is None.

    Times run from before the request is built. CPU and memory of the server are of all processes of
    the deployment together.
    """

    status: Status
    seconds: float | None = None
    """Until the answer was read."""
    connected_seconds: float | None = None
    """Until the connection was there."""
    first_sent_seconds: float | None = None
    """Until the request's head was handed to the system."""
    sent_seconds: float | None = None
    """Until the last block of the body was handed to the system."""
    response_wait_seconds: float | None = None
    """From then to the answer."""
    http_status: int | None = None
    error: str | None = None
    stored_bytes: int | None = None
    digest_ok: bool | None = None
    server_seconds: float | None = None
    """In the app's handler."""
    server_cpu_seconds: float | None = None
    server_system_seconds: float | None = None
    """Of the server's CPU seconds, those in the kernel; in steps of 10 ms."""
    client_cpu_seconds: float | None = None
    server_peak_rss_bytes: int | None = None
    client_peak_rss_bytes: int | None = None
    spooled_bytes: int | None = None
    """Written to disk besides the stored file."""
    usage_note: str | None = None
    """Why something of the server's use is not known."""


class Measurement(Outcome, kw_only=True):
    """One line of measurements.jsonl: one timed upload of one cell."""

    run_id: str
    cell_id: str
    deployment: str
    method: str
    size_bytes: int
    round: int
    warmup: bool
    started_at: str
    """UTC, ISO 8601."""


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
    server_seconds: float | None = None


class LoadStep(Struct, kw_only=True):
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


class Profiled(Struct, frozen=True):
    """One line of profiles.jsonl: one upload under a profiler."""

    cell_id: str
    kind: str
    seconds: float | None
    files: list[str]
    """Below the run's folder."""
    note: str = ""
    """Why there are none."""


class Host(Struct, frozen=True):
    """Where a run was measured. Runs of different hosts are not compared."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    data_filesystem: str


class Run(Struct, kw_only=True):
    """run.json: all that is needed to judge a run later, or to go on with it."""

    id: str
    schema_version: int = SCHEMA_VERSION
    plan: str
    seed: int
    runtime: str
    started_at: str
    host: Host
    budget_seconds: float
    targets: list[Target]
    cells: list[Planned]
    profile: bool = False
    """Whether a profiled pass follows the timed one."""
    derived: list[Deployment] = []
    """Deployments that are not in compose.yaml but made from one of it."""
    comparison: Comparison | None = None
    """What is compared, and how long."""
    load: list[Step] = []
    """Concurrent uploads, after all else."""
    checks: list[str] = []
    """Cases of the compatibility grid, in place of all else."""
    exceptions: list[Known] = []
    """What is known of them."""
    versions: dict[str, dict[str, str]] = {}
    configs: dict[str, str] = {}
    """The text of every config file, by its path."""
    config_names: dict[str, list[str]] = {}
    """Which of them a deployment uses."""
