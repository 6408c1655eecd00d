"""Locust's master, as a process of the lab: it has the workers do one step after the other.

Its arguments are the host and the port to listen on, and the number of workers. Jobs come as JSON lines on
standard input, and each is answered with the result of its step. The first line of output is the number of
workers that have joined.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

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
from uploadlab.load.collector import POLL_SECONDS, REPORT
from uploadlab.load.job import JOIN_SECONDS, READY_SECONDS, VERIFY_SECONDS, LoadJob, StepResult
from uploadlab.load.ledger import WorkerReport, read_report
from uploadlab.load.log_lines import make_plain
from uploadlab.load.users import FullSpeed, Paced
from uploadlab.model.host_use import HostUse
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.processes.jsonpipe import write_line
from uploadlab.sending import server_usage as usage
from uploadlab.sending.host_watch import HostWatch, known_cpu_seconds


class Master:
    """The lab's steps as tests of Locust's, one after the other."""

    def __init__(self, host: str, port: int, workers: int) -> None:
        self._workers = workers
        self._environment = Environment(
            user_classes=[FullSpeed, Paced],
            events=locust.events,
            parsed_options=locust.argument_parser.get_parser(default_config_files=[]).parse_args([]),
        )
        self._runner: MasterRunner = self._environment.create_master_runner(host, port)
        self._step_id = ""
        self._reports: dict[str, WorkerReport] = {}
        self._uploads: list[LoadUpload] = []
        self._watch = HostWatch()
        self._environment.events.worker_report.add_listener(self._take)

    def wait_for_workers(self, seconds: float) -> int:
        """Return how many are ready, once all are or the time is over."""
        self._wait(seconds, lambda: len(self._runner.clients.ready) >= self._workers)
        return len(self._runner.clients.ready)

    def do(self, job: LoadJob) -> StepResult:
        """Do a step, from the first user's start to the last file's removal."""
        joined, started_at = self.wait_for_workers(READY_SECONDS), now()
        if not joined:
            why = "no Locust worker is left"
            result = LoadStep(step_id=job.step.id, started_at=started_at, status=Status.FAILED, error=why)
            return StepResult(result, [])
        self._step_id, self._workers = job.step.id, joined  # a worker that is lost is not waited for again
        self._reports.clear()
        self._uploads.clear()
        error, sent, sending, verifying, use = self._carry_out(job)
        worker_cpu_seconds = _cpu_seconds(sent)
        peaks = [report.peak_rss_bytes for report in self._reports.values() if report.peak_rss_bytes]
        stored_bytes = sum(upload.stored_bytes or 0 for upload in self._uploads)
        result = LoadStep(
            step_id=job.step.id,
            started_at=started_at,
            status=Status.FAILED if error else Status.OK,
            error=error,
            workers=joined,
            worker_cpu_seconds=worker_cpu_seconds,
            worker_peak_rss_bytes=max(peaks, default=None),
            server_cpu_seconds=sending.cpu_seconds,
            server_peak_rss_bytes=sending.peak_rss_bytes,
            spooled_bytes=usage.spooled_bytes(sending.written_bytes, stored_bytes),
            verify_worker_cpu_seconds=_cpu_seconds(self._reports) - worker_cpu_seconds,
            verify_server_cpu_seconds=verifying.cpu_seconds,
            usage_note=sending.note,
            **msgspec.structs.asdict(use),
        )
        return StepResult(result, list(self._uploads))

    def quit(self) -> None:
        """End all workers."""
        self._runner.quit()

    def _carry_out(
        self, job: LoadJob
    ) -> tuple[str | None, dict[str, WorkerReport], usage.Cost, usage.Cost, HostUse]:
        """Return why it failed, the reports when all was sent, and what was used.

        By the server to take and to verify the files, and by the host meanwhile.
        """
        joined, url = self._workers, job.url
        before = usage.reset(url, bool(job.foreign))
        self._watch.begin()
        own_before = time.process_time()
        self._start(job)
        unfinished = self._wait_until_sent(job)
        after = usage.read(url, bool(job.foreign))
        sent, sending = dict(self._reports), usage.cost(before, after)
        own_cpu_seconds = time.process_time() - own_before + _cpu_seconds(sent)
        use = self._watch.end(own_cpu_seconds, known_cpu_seconds(job.step.cell.method, sending))
        self._runner.send_message("verify")
        whole = self._wait_in_step(VERIFY_SECONDS, lambda: self._runner.user_count == 0)
        verified = usage.read(url, bool(job.foreign))
        # A busy worker may have missed some heartbeats; it is lost only if it goes on missing them.
        self._wait(3.0, lambda: self._runner.worker_count >= joined)
        self._workers = min(joined, self._runner.worker_count)
        self._runner.stop()
        error = None
        if self._workers < joined:
            error = f"{joined - self._workers} of {joined} workers were lost"
        elif refusal := self._refusal():
            error = refusal
        elif unfinished:
            error = f"{unfinished} users did not come to an end"
        elif not whole:
            error = f"not all uploads were verified within {VERIFY_SECONDS:g} s"
        return error, sent, sending, usage.cost(after, verified), use

    def _start(self, job: LoadJob) -> None:
        step, options = job.step, self._environment.parsed_options
        self._environment.host = job.url
        options.step = step.id
        options.methods, options.size = step.cell.method, str(step.cell.size_bytes)
        options.seconds, options.slow_users, options.pace = step.seconds, step.slow_users, str(step.pace)
        options.budget, options.line = job.budget_seconds, job.line
        options.most_bytes = job.most_bytes // max(1, self._workers)
        # For workers on other machines; the lab's own know all of it.
        options.expect_status = job.foreign.statuses[0].first if job.foreign else 0
        options.field = (job.foreign.field if job.foreign else "") or FIELD
        count = step.users + step.slow_users
        self._runner.start(count, spawn_rate=count)

    def _wait_until_sent(self, job: LoadJob) -> int:
        """Wait until the users have ended, then the slow ones. Return how many still send."""
        step = job.step
        self._wait_in_step(job.sending_seconds, lambda: self._sum("done") >= step.users)
        self._runner.send_message("enough")
        self._wait_in_step(job.slow_seconds, lambda: self._sum("slow_done") >= step.slow_users)
        return step.users + step.slow_users - self._sum("done") - self._sum("slow_done")

    def _wait(self, seconds: float, reached: Callable[[], object]) -> None:
        """Wait until that is reached, or the time is over."""
        end = time.monotonic() + seconds
        while not reached() and time.monotonic() < end:
            gevent.sleep(POLL_SECONDS)

    def _wait_in_step(self, seconds: float, reached: Callable[[], bool]) -> bool:
        """Wait for that until the time is over or a worker is lost. Return whether it is reached."""
        self._wait(seconds, lambda: reached() or self._runner.worker_count < self._workers or self._refusal())
        return reached()

    def _refusal(self) -> str:
        """Return why a worker does not do this step; nothing where all do."""
        return next((report.refusal for report in self._reports.values() if report.refusal), "")

    def _sum(self, field: str) -> int:
        return sum(getattr(report, field) for report in self._reports.values())

    def _take(self, client_id: str, data: dict[str, Any]) -> None:
        report = read_report(data.get(REPORT))
        if report and report.step_id == self._step_id and client_id in self._runner.clients:
            self._reports[client_id] = report
            self._uploads += report.uploads


def _cpu_seconds(reports: dict[str, WorkerReport]) -> float:
    return sum(report.cpu_seconds for report in reports.values())


def main() -> None:
    """Say how many workers have joined, then do steps until the input ends."""
    gc.freeze()  # as in uploadlab.__main__
    host, port, workers = sys.argv[1:]
    setup_logging("WARNING")
    make_plain()
    master = Master(host, int(port), int(workers))

    def end() -> None:
        master.quit()
        os._exit(0)  # from a signal's greenlet, sys.exit would end no more than that

    gevent.signal_handler(signal.SIGTERM, end)
    write_line(sys.stdout.buffer, master.wait_for_workers(JOIN_SECONDS))
    # sys.stdin would block the workers' messages.
    with FileObject(sys.stdin.fileno(), "rb", closefd=False) as jobs:
        for line in jobs:
            write_line(sys.stdout.buffer, master.do(msgspec.json.decode(line, type=LoadJob)))
    master.quit()


if __name__ == "__main__":
    main()
