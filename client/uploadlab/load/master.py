"""Locust's master, as a process of the lab: it has the workers do one step after the other.

Jobs come as JSON lines on standard input; each is answered by what its step came to. First it says how many
workers have joined.
"""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable

import gevent
import locust
import locust.argument_parser
import msgspec
from gevent.fileobject import FileObject
from locust.env import Environment
from locust.log import setup_logging
from locust.runners import MasterRunner

from uploadlab.catalogue.methods import FIELD
from uploadlab.clock import now
from uploadlab.load import users
from uploadlab.load.collector import on_report
from uploadlab.load.job import JOIN_SECONDS, VERIFY_SECONDS, Done, Job
from uploadlab.load.ledger import Report
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.sending import server_usage as usage

POLL_SECONDS = 0.05
HEARTBEAT_SECONDS = 3.0
"""A busy worker may have missed some; it is not lost until it goes on missing them."""


class Master:
    """The lab's steps as tests of Locust's, one after the other."""

    def __init__(self, host: str, port: int, workers: int) -> None:
        self._workers = workers
        self._environment = Environment(
            user_classes=[users.FullSpeed, users.Paced],
            events=locust.events,
            parsed_options=locust.argument_parser.get_parser(default_config_files=[]).parse_args([]),
        )
        self._runner: MasterRunner = self._environment.create_master_runner(host, port)
        self._step_id = ""
        self._reports: dict[str, Report] = {}
        self._uploads: list[LoadUpload] = []
        on_report(self._environment, self._take)

    def wait_for_workers(self) -> int:
        """How many are there, once all are or no more come."""
        self._wait(JOIN_SECONDS, lambda: len(self._runner.clients.ready) >= self._workers)
        return len(self._runner.clients.ready)

    def do(self, job: Job) -> Done:
        """One step, from the first user's start to the last file's removal."""
        step = job.step
        joined = self.wait_for_workers()
        result = LoadStep(step_id=step.id, started_at=now(), status=Status.OK, workers=joined)
        if not joined:
            result.status, result.error = Status.FAILED, "no worker of Locust's is left"
            return Done(result, [])
        self._step_id = step.id
        self._reports.clear()
        self._uploads.clear()
        self._workers = joined  # one that is lost is not waited for again
        before = None if job.foreign else usage.reset(job.url)
        self._start(job)
        unfinished = self._wait_until_sent(job)
        after = None if job.foreign else usage.read(job.url)
        sent = dict(self._reports)
        self._runner.send_message("verify")
        whole = self._wait_in_step(VERIFY_SECONDS, lambda: self._runner.user_count == 0)
        verified = None if job.foreign else usage.read(job.url)
        self._wait(HEARTBEAT_SECONDS, lambda: self._runner.worker_count >= joined)
        if lost := joined - self._runner.worker_count:
            result.status, result.error = Status.FAILED, f"{lost} of {joined} workers were lost"
            self._workers = joined - lost
        elif unfinished:
            result.status, result.error = Status.FAILED, f"{unfinished} users did not come to an end"
        elif not whole:
            result.status, result.error = Status.FAILED, f"not all was verified within {VERIFY_SECONDS:g} s"
        self._runner.stop()
        self._account(result, sent)
        _add_cost(result, usage.cost(before, after), usage.cost(after, verified), self._uploads)
        return Done(result, list(self._uploads))

    def quit(self) -> None:
        """End all workers."""
        self._runner.quit()

    def _start(self, job: Job) -> None:
        step, environment = job.step, self._environment
        environment.host = job.url
        options = environment.parsed_options
        options.step = step.id
        options.methods, options.size = step.cell.method, str(step.cell.size_bytes)
        options.seconds, options.slow_users, options.pace = step.seconds, step.slow_users, str(step.pace)
        options.budget = job.budget_seconds
        options.expect_status = job.foreign.expect_status if job.foreign else 0
        options.field = job.foreign.field if job.foreign else FIELD
        count = step.users + step.slow_users
        self._runner.start(count, spawn_rate=count)

    def _wait_until_sent(self, job: Job) -> int:
        """Until no user sends any more; slow ones go on until the others have ended. How many still do."""
        step = job.step
        self._wait_in_step(job.sending_seconds, lambda: self._sum("done") >= step.users)
        self._runner.send_message("enough")
        self._wait_in_step(job.slow_seconds, lambda: self._sum("slow_done") >= step.slow_users)
        return step.users + step.slow_users - self._sum("done") - self._sum("slow_done")

    def _wait(self, seconds: float, reached: Callable[[], bool]) -> None:
        """Until that, or for so long."""
        end = time.monotonic() + seconds
        while not reached() and time.monotonic() < end:
            gevent.sleep(POLL_SECONDS)

    def _wait_in_step(self, seconds: float, reached: Callable[[], bool]) -> bool:
        """Likewise, or until a worker is gone that would have to bring it about; whether that is reached."""
        self._wait(seconds, lambda: reached() or self._runner.worker_count < self._workers)
        return reached()

    def _sum(self, field: str) -> int:
        return sum(getattr(report, field) for report in self._reports.values())

    def _take(self, worker: str, report: Report) -> None:
        if report.step_id == self._step_id:
            self._reports[worker] = report
            self._uploads += report.uploads

    def _account(self, result: LoadStep, sent: dict[str, Report]) -> None:
        """What the workers have used."""
        peaks = [report.peak_rss_bytes for report in self._reports.values() if report.peak_rss_bytes]
        result.worker_peak_rss_bytes = max(peaks, default=None)
        result.worker_cpu_seconds = sum(report.cpu_seconds for report in sent.values())
        total = sum(report.cpu_seconds for report in self._reports.values())
        result.verify_worker_cpu_seconds = total - result.worker_cpu_seconds


def _add_cost(
    result: LoadStep, sending: usage.Cost, verifying: usage.Cost, uploads: list[LoadUpload]
) -> None:
    """What the server has used."""
    stored_bytes = sum(one.stored_bytes or 0 for one in uploads)
    result.server_cpu_seconds = sending.cpu_seconds
    result.server_peak_rss_bytes = sending.peak_rss_bytes
    result.spooled_bytes = usage.spooled_bytes(sending.written_bytes, stored_bytes)
    result.verify_server_cpu_seconds = verifying.cpu_seconds
    result.usage_note = sending.note


def main() -> None:
    """Say how many workers have joined, then do steps until the input ends."""
    parser = ArgumentParser(description="Started by the lab.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    options = parser.parse_args()
    setup_logging("WARNING")
    master = Master(options.host, options.port, options.workers)

    def answer(content: object) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(content) + b"\n")
        sys.stdout.buffer.flush()

    def end() -> None:
        master.quit()
        os._exit(0)  # from a signal's greenlet, sys.exit would end no more than that

    gevent.signal_handler(signal.SIGTERM, end)
    answer(master.wait_for_workers())
    # sys.stdin would block the workers' messages.
    with FileObject(sys.stdin.fileno(), "rb", closefd=False) as jobs:
        for line in jobs:
            answer(master.do(msgspec.json.decode(line, type=Job)))
    master.quit()


if __name__ == "__main__":
    main()
