"""The client's own process: it uploads what its jobs say, one file at a time.

Apart from the lab, so that its memory is the client's alone, an upload can be cut off at
its budget, and a client that runs out of memory is a row in the table.

Jobs come as JSON lines on standard input. Answers go out as JSON lines: first ProcessReady, then for
each job UploadBegun, UploadSent when the clock has stopped, and UploadVerified.
"""

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome
from uploadlab.model.targets import TargetSpec
from uploadlab.processes.jsonpipe import write_line
from uploadlab.sending import server_usage as usage
from uploadlab.sending.host_watch import HostWatch, known_cpu_seconds
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.sending.read_back import verify_foreign
from uploadlab.sending.shelf import Shelf
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify
from uploadlab.versions.client_folders import folders_here


class UploadJob(msgspec.Struct):
    """An upload to do."""

    number: int
    url: str
    method: str
    payload: Payload
    budget_seconds: float
    foreign: TargetSpec | None = None
    through: tuple[str, int] | None = None
    """Where a line to the target begins, over which the upload alone goes."""


class ProcessReady(msgspec.Struct, tag=True):
    """The process takes jobs."""

    versions: dict[str, str] = {}
    """Of the packages whose versions the lab wants to know."""


class UploadBegun(msgspec.Struct, tag=True):
    """The upload of a job begins."""

    job: int


class UploadSent(msgspec.Struct, tag=True):
    """The clock of a job has stopped."""

    job: int


class UploadVerified(msgspec.Struct, tag=True):
    """What a job's upload showed, verified."""

    job: int
    outcome: Outcome


Answer = ProcessReady | UploadBegun | UploadSent | UploadVerified


def answers(job: UploadJob, watch: HostWatch, programs: ProgramSender) -> Iterator[Answer]:
    """Do a job and yield its answers."""
    # The budget, so that an abandoned upload ends on the server, too.
    query: dict[str, Any] = {} if job.foreign else {"budget": f"{job.budget_seconds:g}"}
    before = usage.reset(job.url, bool(job.foreign))
    shelf = Shelf(job.foreign.stored_dir) if job.foreign and job.foreign.stored_dir else None
    method = ALL_METHODS[job.method]
    yield UploadBegun(job.number)
    if method.client:
        programs.prepare(method, job.url, job.payload, job.through)
    watch.begin()
    own_before = _cpu_seconds()
    uploaded = upload(
        job.url, method, job.payload, foreign=job.foreign, programs=programs, through=job.through, **query
    )
    yield UploadSent(job.number)
    cost = usage.NO_ANSWER
    if uploaded.outcome.http_status:
        cost = usage.cost(before, usage.read(job.url, bool(job.foreign)) if before else None)
    own = _cpu_seconds() - own_before
    if method.client:
        own += uploaded.outcome.client_cpu_seconds or 0.0
    use = watch.end(own, known_cpu_seconds(job.method, cost))
    if job.foreign:
        outcome = verify_foreign(job.foreign, uploaded, job.payload, shelf)
    else:
        outcome = verify(job.url, uploaded, job.payload)
    for field, value in msgspec.structs.asdict(use).items():
        setattr(outcome, field, value)
    outcome.server_cpu_seconds = cost.cpu_seconds
    outcome.server_system_seconds = cost.system_seconds
    outcome.server_peak_rss_bytes = cost.peak_rss_bytes
    outcome.spooled_bytes = usage.spooled_bytes(cost.written_bytes, outcome.stored_bytes)
    outcome.usage_note = cost.note
    yield UploadVerified(job.number, outcome)


def _cpu_seconds() -> float:
    """Return what this process and the programs that it ran have used."""
    of = os.times()
    return time.process_time() + of.children_user + of.children_system


def _versions() -> dict[str, str]:
    """Return the versions of the packages that this process would load, of those that the lab asks for."""
    found = {}
    for name in folders_here().reported:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main() -> None:
    """Say ready, then answer jobs until the input ends."""
    gc.freeze()  # as in uploadlab.__main__
    write_line(sys.stdout.buffer, ProcessReady(_versions()))
    watch, programs = HostWatch(), ProgramSender()
    for line in sys.stdin.buffer:
        for answer in answers(msgspec.json.decode(line, type=UploadJob), watch, programs):
            write_line(sys.stdout.buffer, answer)


if __name__ == "__main__":
    main()
