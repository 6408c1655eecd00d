"""The committed rows of ``./scripts/resumed``: uploads through faults, and what is kept of a cut body."""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from uploadlab.paths import BENCHMARK

RESUMABLE = BENCHMARK / "resumable"
RESUMED_RESULTS = RESUMABLE / "results.jsonl"
KEPT_PREFIXES = RESUMABLE / "kept.jsonl"


class FaultMet(Struct, frozen=True):
    """A fault that came in mid-upload."""

    kind: str
    after_bytes: int
    """Sent up the line, heads included."""


class ResumedRun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upload through the faults of a seed."""

    seed: int
    deployment: str
    method: str
    size_bytes: int
    faults: list[FaultMet] = []
    sent_bytes: int = 0
    """Of bodies, over all requests, handed to the system."""
    breaks: int = 0
    """How often a request with a body had to be made again."""
    seconds: float = 0.0
    restarts: int = 0
    """How often the deployment was started again."""
    looks: int = 0
    """At the final names in the data folder, meanwhile."""
    wrong: list[str] = []
    """What went wrong; empty: nothing."""
    day: str = ""
    version: str = ""
    """Of the lab."""


class KeptPrefix(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a deployment had of a body whose connection was cut."""

    deployment: str
    group: str
    cut: str
    sent_bytes: int
    kept_bytes: int | None = None
    """None: it did not say; ``problem`` has the reason."""
    seconds: float | None = None
    """From the cut until it first named this offset."""
    problem: str = ""
    versions: dict[str, str] = {}
    day: str = ""


Row = TypeVar("Row", ResumedRun, KeptPrefix)


def read_lines(path: Path, kind: type[Row]) -> list[Row]:
    """Return the rows of a file; none without a file. Raise msgspec.DecodeError."""
    if not path.exists():
        return []
    decode = msgspec.json.Decoder(kind).decode
    return [decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def read_resumed_runs(path: Path = RESUMED_RESULTS) -> list[ResumedRun]:
    """Return the runs, the last of each seed."""
    return list({run.seed: run for run in read_lines(path, ResumedRun)}.values())


def read_kept_prefixes(path: Path = KEPT_PREFIXES) -> list[KeptPrefix]:
    """Return what each deployment kept, the last row of each cut."""
    return list({(row.deployment, row.cut): row for row in read_lines(path, KeptPrefix)}.values())
