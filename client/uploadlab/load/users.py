"""Concurrent uploads with Locust: a task for each of the lab's methods; answers checked, files verified.

    ./scripts/locust.sh --host http://127.0.0.1:5000 --headless --users 8 --run-time 20s

``FullSpeed`` and ``Paced`` are the kinds of user; ``WithRequests`` is ``FullSpeed`` by the client that most
people use. Verification comes after a user's last upload, so that it is in no latency.
"""

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import gevent
import locust
from locust import FastHttpUser, HttpUser, constant, events
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.catalogue.methods import OWN_METHODS, Method
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import UsageError
from uploadlab.load import collector
from uploadlab.load.answers import judge
from uploadlab.load.bodies import for_fast_client
from uploadlab.load.job import HEAD_START_SECONDS, PATIENCE_SECONDS
from uploadlab.load.ledger import Ledger
from uploadlab.load.options import add_options, check_options
from uploadlab.load.pool import Pool
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.planning.load_steps import LEAST_UPLOADS
from uploadlab.selection import choose
from uploadlab.sending.connections import BlockAdapter
from uploadlab.sending.stopwatch import Stopwatch
from uploadlab.sending.upload import Uploaded
from uploadlab.sending.verification import verify
from uploadlab.units import parse_rate, parse_size

PAUSE_SECONDS = 0.1
"""After an upload that failed: a dead server is not to be hammered."""
HOPELESS = 3
"""Uploads in a row without an answer: the server is gone."""

LEDGER = Ledger()
events.init_command_line_parser.add_listener(add_options)
# Every 3 s by default; a step of the lab would be over long before its master knew.
locust.runners.WORKER_REPORT_INTERVAL = 0.2


@events.init.add_listener
def wire_up(environment: Environment, **_: Any) -> None:
    """Connect what the users do with Locust's reports, statistics and page."""
    options = environment.parsed_options
    try:
        check_options(options)
        if options.headless and not environment.host and not isinstance(environment.runner, WorkerRunner):
            raise UsageError("--host is missing: write --host http://127.0.0.1:5000")
    except UsageError as error:
        sys.exit(f"locust: {error}")
    # A worker does as its master says, and may be told of any.
    if not options.user_classes and not isinstance(environment.runner, WorkerRunner):
        environment.user_classes = [FullSpeed, Paced]
    collector.wire_up(environment, LEDGER)


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Say how many are slow, and have the file ready before any clock runs."""
    try:
        check_options(environment.parsed_options)  # the page may have changed them
    except UsageError as error:
        logging.getLogger("locust").error(f"{error}; the test is stopped")
        gevent.spawn(environment.runner.stop)
        return
    if Paced in environment.user_classes and FullSpeed in environment.user_classes:
        Paced.fixed_count, Paced.weight = environment.parsed_options.slow_users, 0
    if not isinstance(environment.runner, MasterRunner):
        _payload(environment.parsed_options)
        LEDGER.begin(environment.parsed_options.step)


def _payload(options: Namespace) -> Payload:
    return LEDGER.payload(parse_size(options.size), options.file)


def _task(method: Method) -> Callable[["Uploading"], None]:
    """A Locust task of a method's name."""

    def task(user: "Uploading") -> None:
        user.upload(method)

    task.__name__, task.__doc__ = method.name, method.description
    return task


class Uploading:
    """What every kind of user does; each adds one of Locust's clients."""

    abstract = True
    wait_time = constant(0)
    tasks = [_task(method) for method in OWN_METHODS.values()]  # noqa: RUF012  as Locust declares it
    slow = False
    client: Any
    host: str

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[call-arg]  # Locust's User, by inheritance
        self.environment = environment
        self.options: Namespace = environment.parsed_options
        chosen = choose("method", self.options.methods.split(","), OWN_METHODS)
        self.tasks = [task for task in type(self).tasks if task.__name__ in chosen]
        LEDGER.users += 1
        self.name = f"{environment.runner.worker_index}/{LEDGER.users}"
        self.unanswered = 0
        if not self.slow:
            LEDGER.progress[self.name] = 0
        self.unverified: list[tuple[LoadUpload, str | None]] = []

    def on_start(self) -> None:
        """Let slow users go ahead, where there are any."""
        if self.options.slow_users and not self.slow:
            gevent.sleep(HEAD_START_SECONDS)
        self.started = time.monotonic()

    def on_stop(self) -> None:
        """Verify what is left, however this user ends."""
        self.verify()

    def upload(self, method: Method) -> None:
        """Send the file once and keep what became of it; ends the user when its time is over."""
        if self.is_over():
            self.finish()
        # Never in a step of the lab: verification would be in its figures.
        if not self.options.seconds and LEDGER.unverified_bytes > parse_size(self.options.unverified):
            self.verify()
        payload = _payload(self.options)
        started_at, watch = time.time(), Stopwatch()
        outcome, stored_at, sent_bytes = self.send(method, payload, watch)
        row = LoadUpload(
            step_id=LEDGER.step_id,
            user=self.name,
            slow=self.slow,
            method=method.name,
            size_bytes=payload.size_bytes,
            started_at=started_at,
            seconds=outcome.seconds or watch.seconds(),
            status=outcome.status,
            sent_bytes=sent_bytes,
            http_status=outcome.http_status,
            error=outcome.error,
            stored_bytes=outcome.stored_bytes,
            server_seconds=outcome.server_seconds,
        )
        if not self.slow:
            LEDGER.progress[self.name] += 1
        self.unanswered = 0 if row.http_status else self.unanswered + 1
        LEDGER.count(row)
        if row.status is Status.OK:
            LEDGER.unverified_bytes += row.size_bytes
            self.unverified.append((row, stored_at))
        else:
            LEDGER.keep(row)
        if row.status in (Status.REFUSED, Status.FAILED):
            gevent.sleep(PAUSE_SECONDS)

    def send(self, method: Method, payload: Payload, watch: Stopwatch) -> tuple[Outcome, str | None, int]:
        """What became of it, where it can be read back, and how much of the file was sent."""
        with open(payload.path, "rb") as file:
            request = self.adapted(method.send(file, payload.size_bytes, self.options.field), payload)
            verb, path = ("POST", "") if self.options.expect_status else (method.verb, method.route)
            options = {"name": method.name, "catch_response": True, "allow_redirects": False, **request}
            timeout = gevent.Timeout(self.options.budget)
            try:
                with timeout, self.client.request(verb, path, **options) as answer:
                    seconds = watch.seconds()
                    outcome, stored_at = judge(answer, payload.size_bytes, self.options.expect_status)
                    outcome.seconds = seconds
                    if outcome.status is Status.FAILED and seconds >= self.options.budget:
                        outcome.status, outcome.error = Status.TIMEOUT, self.over_budget()
                    # Locust counts answers; here what was sent is what counts.
                    answer.request_meta["response_length"] = file.tell()
                    if outcome.error:
                        answer.failure(f"{outcome.status}: {outcome.error}")
            except gevent.Timeout as error:  # requests lets it pass, and Locust has not counted the upload
                if error is not timeout:
                    raise
                outcome, stored_at = Outcome(status=Status.TIMEOUT, error=self.over_budget()), None
                self.environment.events.request.fire(
                    request_type=verb, name=method.name, response_time=watch.seconds() * 1000,
                    response_length=file.tell(), exception=outcome.error, context={},
                )  # fmt: skip
            finally:
                self.hang_up()
            # A form that is built in memory was read whole, whether or not it was sent.
            was_sent = outcome.http_status or "files" not in request
            return outcome, stored_at, file.tell() if was_sent else 0

    def over_budget(self) -> str:
        """Why an upload was given up."""
        return f"over {self.options.budget:g} s"

    def is_over(self) -> bool:
        """Whether this user sends no more; outside of the lab's steps that is Locust's to say."""
        if LEDGER.verify.is_set():
            return True
        seconds = self.options.seconds
        if not seconds:
            return False
        if self.slow:
            return LEDGER.enough.is_set() or self.unanswered >= HOPELESS
        passed = time.monotonic() - self.started
        enough = passed > seconds and min(LEDGER.progress.values()) >= LEAST_UPLOADS
        return enough or passed > seconds + PATIENCE_SECONDS or self.unanswered >= HOPELESS

    def finish(self) -> None:
        """Wait for the others, verify, and end."""
        if self.slow:
            LEDGER.slow_done += 1
        else:
            LEDGER.done += 1
            del LEDGER.progress[self.name]
        LEDGER.verify.wait()
        raise StopUser

    def verify(self) -> None:
        """Have the server read back what it stored, and remove it."""
        payload = _payload(self.options)
        while self.unverified:
            row, stored_at = self.unverified.pop()
            LEDGER.unverified_bytes -= row.size_bytes
            outcome = verify(self.host, Uploaded(Outcome(status=row.status), stored_at=stored_at), payload)
            row.status, row.error = outcome.status, outcome.error
            row.stored_bytes, row.digest_ok = outcome.stored_bytes, outcome.digest_ok
            LEDGER.keep(row)

    def adapted(self, request: dict[str, Any], payload: Payload) -> dict[str, Any]:
        """A method's request, as this user's client takes it."""
        return request

    def hang_up(self) -> None:
        """Close the connection: uWSGI does so without saying, and the next upload would fail."""


class FullSpeed(Uploading, FastHttpUser):
    """As fast as it can, by Locust's fast client."""

    def __init__(self, environment: Environment) -> None:
        self.client_pool = Pool(environment.parsed_options.budget, self.pace(environment.parsed_options))
        super().__init__(environment)

    def pace(self, options: Namespace) -> int | None:
        """Bytes a second; None: whatever is possible."""
        return None

    def adapted(self, request: dict[str, Any], payload: Payload) -> dict[str, Any]:
        """With a body in blocks and of known length; forms of files= it builds itself, in memory too."""
        if "data" in request:
            request["data"] = for_fast_client(request["data"], payload.size_bytes)
        return request

    def hang_up(self) -> None:
        """Close the connection."""
        self.client.client.clientpool.close()


class Paced(FullSpeed):
    """No faster than ``--pace``; ``--slow-users`` says how many."""

    slow = True

    def pace(self, options: Namespace) -> int | None:
        """As the option says."""
        return parse_rate(options.pace)


class WithRequests(Uploading, HttpUser):
    """As fast as it can, by requests, as in the lab's matrix."""

    def on_start(self) -> None:
        """In blocks of the matrix's size."""
        for scheme in ("http://", "https://"):
            self.client.mount(scheme, BlockAdapter(None))
        super().on_start()

    def hang_up(self) -> None:
        """Close the connection."""
        self.client.close()
