"""Brings what users have done together: Locust's messages, statistics and page, and the lab's files."""

import logging
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.load.job import VERIFY_SECONDS
from uploadlab.load.ledger import Ledger, Sent, WorkerReport, read_report
from uploadlab.load.own_terms import OwnTerms
from uploadlab.load.throughput import AGGREGATED, Sample, Throughput
from uploadlab.load.web_page import guard_page
from uploadlab.paths import RUNS
from uploadlab.plain_text import plain
from uploadlab.storage.run_folder import RunFolder

POLL_SECONDS = 0.05
REPORT = "uploads"
"""The key of a worker's report in Locust's message."""


def connect(environment: Environment, ledger: Ledger, terms: OwnTerms) -> None:
    """Connect a process's users with its runner: a worker's reports with the master's, or the only one."""
    runner, events = environment.runner, environment.events

    def add_report(data: dict[str, Any], **_: Any) -> None:
        data[REPORT] = msgspec.to_builtins(ledger.report())

    if isinstance(runner, WorkerRunner):
        runner.register_message("enough", lambda **_: ledger.enough.set())
        runner.register_message("verify", lambda **_: ledger.verify.set())
        events.report_to_master.add_listener(add_report)
        return
    collector = Collector(environment, terms, None if isinstance(runner, MasterRunner) else ledger)
    events.test_start.add_listener(collector.begin)
    events.test_stopping.add_listener(collector.close)
    events.worker_report.add_listener(collector.take)
    events.quitting.add_listener(collector.end)
    guard_page(environment.web_ui, environment.parsed_options.web_host)
    collector.throughput.show_in(environment.web_ui)
    gevent.spawn(collector.sample_forever)


class Collector:
    """All that the workers of a test have reported, or the one process that has no master."""

    def __init__(self, environment: Environment, terms: OwnTerms, alone: Ledger | None) -> None:
        self._environment, self._terms, self._alone = environment, terms, alone
        self._sent: dict[str, dict[str, Sent]] = {}
        self._folder: RunFolder | None = None
        prefix = getattr(environment.parsed_options, "csv_prefix", None)
        self.throughput = Throughput(Path(f"{prefix}_throughput.csv") if prefix else None)
        self._closed = False

    def begin(self, **_: Any) -> None:
        """Start to count from zero, for another test."""
        self._closed = False
        self._sent.clear()
        self.throughput.begin()

    def take(self, client_id: str, data: dict[str, Any]) -> None:
        """Take a worker's report into account, and save its rows."""
        report, logger = read_report(data.get(REPORT)), logging.getLogger("locust")
        if report is None or client_id not in self._environment.runner.clients:
            logger.warning(f"A report of {plain(client_id)} makes no sense and is ignored.")
        elif report.refusal:
            logger.error(f"{report.refusal}; the test is stopped")
            gevent.spawn(self._environment.runner.stop)
        else:
            self._take(client_id, report)

    def sample_forever(self) -> None:
        """Take a sample a second while a test runs."""
        while True:
            gevent.sleep(1)
            self._sample()

    def close(self, **_: Any) -> None:
        """Take the last sample of a test: verification at its end does not count."""
        self._sample()
        self._closed = True
        runner = self._environment.runner
        if self._alone is None:
            # Before workers quit, their users end and verify, or their last rows come too late.
            runner.send_message("verify")
            end = time.monotonic() + self._environment.parsed_options.budget + VERIFY_SECONDS
            while runner.user_count and time.monotonic() < end:
                gevent.sleep(POLL_SECONDS)

    def end(self, **_: Any) -> None:
        """Print the whole test, as Locust is about to exit."""
        self._take_own()
        logger = logging.getLogger("locust.stats_logger")
        for line in self.throughput.lines():
            logger.info(line)
        if self._folder:
            logger.info(f"Every upload: {self._folder.uploads_file}")

    def _take_own(self) -> None:
        if self._alone:
            self._take("local", self._alone.report())

    def _take(self, worker: str, report: WorkerReport) -> None:
        self._sent[worker] = report.sent
        if report.uploads:
            if self._folder is None:
                name = f"{time.strftime('%Y%m%d-%H%M%S')}-locust"
                rows = self._terms.rows
                self._folder = RunFolder(Path(rows)) if rows else RunFolder.create(RUNS, name)
            self._folder.append_uploads(report.uploads)

    def _sample(self) -> None:
        self._take_own()
        runner = self._environment.runner
        if not self._closed and runner.state in ("spawning", "running"):
            totals: dict[str, Sent] = {}
            total = Sent()
            for methods in self._sent.values():
                for method, sent in methods.items():
                    totals.setdefault(method, Sent()).add(sent.sent_bytes, sent.good_bytes)
                    total.add(sent.sent_bytes, sent.good_bytes)
            self.throughput.add(Sample(time.time(), runner.user_count, {**totals, AGGREGATED: total}))
