"""Brings what users have done to whoever runs the test: Locust's messages, statistics, page, and files."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.load.job import VERIFY_SECONDS
from uploadlab.load.ledger import Ledger, Report, Sent
from uploadlab.load.throughput import Sample, Throughput
from uploadlab.paths import RUNS
from uploadlab.storage.run_folder import RunFolder

SAMPLE_SECONDS = 1.0
POLL_SECONDS = 0.05
KEY = "uploads"
"""Under which a worker's report lies in Locust's message."""


def wire_up(environment: Environment, ledger: Ledger) -> None:
    """Connect a process's users with its runner, whatever its part in the test is."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        wire_up_worker(environment, ledger)
        return
    collector = Collector(environment)
    environment.events.test_start.add_listener(lambda **_: collector.begin())
    environment.events.test_stopping.add_listener(lambda **_: collector.close())
    environment.events.quitting.add_listener(lambda **_: collector.end())
    if isinstance(runner, MasterRunner):
        on_report(environment, collector.take)
        environment.events.test_stopping.add_listener(lambda **_: let_users_end(runner))
    else:
        collector.before_sample = lambda: collector.take("local", msgspec.convert(ledger.report(), Report))
    collector.throughput.show_in(environment.web_ui)
    gevent.spawn(collector.sample_forever)


def let_users_end(runner: MasterRunner) -> None:
    """Before workers are told to quit: let their users end and verify; their last rows come too late else."""
    runner.send_message("verify")
    end = time.monotonic() + runner.environment.parsed_options.budget + VERIFY_SECONDS
    while runner.user_count and time.monotonic() < end:
        gevent.sleep(POLL_SECONDS)


def wire_up_worker(environment: Environment, ledger: Ledger) -> None:
    """Have Locust's reports carry the ledger's, and its messages set the ledger's events."""
    runner = environment.runner
    runner.register_message("enough", lambda **_: ledger.enough.set())
    runner.register_message("verify", lambda **_: ledger.verify.set())
    environment.events.report_to_master.add_listener(
        lambda client_id, data: data.update({KEY: ledger.report()})
    )


def on_report(environment: Environment, take: Callable[[str, Report], None]) -> None:
    """Have the reports of workers taken, on their master."""

    def listener(client_id: str, data: dict[str, Any]) -> None:
        take(client_id, msgspec.convert(data[KEY], Report))

    environment.events.worker_report.add_listener(listener)


class Collector:
    """All that the workers of a test have reported, or the one process that has no master."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._sent: dict[str, dict[str, Sent]] = {}
        self._folder: RunFolder | None = None
        prefix = getattr(environment.parsed_options, "csv_prefix", None)
        self.throughput = Throughput(Path(f"{prefix}_throughput.csv") if prefix else None)
        self._closed = False
        self.before_sample: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """A test starts."""
        self._closed = False
        self._sent.clear()
        self.throughput.begin()

    def take(self, worker: str, report: Report) -> None:
        """Take a worker's report into account, and save its rows."""
        self._sent[worker] = report.sent
        if report.uploads:
            self._rows().append_uploads(report.uploads)

    def sample_forever(self) -> None:
        """One sample a second while a test runs."""
        while True:
            gevent.sleep(SAMPLE_SECONDS)
            self._sample()

    def close(self) -> None:
        """The test is over; verification at its end is no part of it."""
        self._sample()
        self._closed = True

    def end(self) -> None:
        """Locust is about to exit."""
        self.before_sample()
        logger = logging.getLogger("locust.stats_logger")
        for line in self.throughput.lines():
            logger.info(line)
        if self._folder:
            logger.info(f"Every upload: {self._folder.uploads_file}")

    def _sample(self) -> None:
        self.before_sample()
        runner = self._environment.runner
        if not self._closed and runner.state in ("spawning", "running"):
            self.throughput.add(Sample(time.time(), runner.user_count, self._totals()))

    def _totals(self) -> dict[str, Sent]:
        totals: dict[str, Sent] = {}
        for methods in self._sent.values():
            for name, sent in methods.items():
                total = totals.setdefault(name, Sent())
                total.sent_bytes += sent.sent_bytes
                total.good_bytes += sent.good_bytes
        return totals

    def _rows(self) -> RunFolder:
        """Made when there is something to put in."""
        if self._folder is None:
            wanted = self._environment.parsed_options.rows
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-locust"
            self._folder = RunFolder(Path(wanted)) if wanted else RunFolder.create(RUNS, name)
        return self._folder
