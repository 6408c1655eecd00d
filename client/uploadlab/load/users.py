"""Concurrent uploads with Locust: a task for each of the lab's methods; answers checked, files verified.

    ./scripts/locust.sh --host http://127.0.0.1:5000 --headless --users 8 --run-time 20s

``client/locustfile.py``, which that script names, imports these users. ``FullSpeed`` and ``Paced`` are the
default; ``WithRequests`` is ``FullSpeed`` by the client that most people use. A user verifies its uploads
after the last one, so that no latency includes it.
"""

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, cast

import gevent
import locust
from locust import FastHttpUser, HttpUser, constant, events
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.catalogue.methods import OWN_METHODS, Method, Part
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import UsageError
from uploadlab.load import collector, runners
from uploadlab.load.answers import judge_answer
from uploadlab.load.fast_client import Pool, answer_body, for_fast_client, guard_session
from uploadlab.load.job import HEAD_START_SECONDS, PATIENCE_SECONDS
from uploadlab.load.ledger import Ledger
from uploadlab.load.log_lines import make_plain
from uploadlab.load.options import add_options, check_options
from uploadlab.load.own_terms import OwnTerms
from uploadlab.load.sealed_lines import line_of
from uploadlab.load.specs import spec_for
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.planning.load_steps import LEAST_UPLOADS
from uploadlab.private_urls import kept_apart_or_masked, private_parts, with_query
from uploadlab.runtimes.addresses import url_problem
from uploadlab.runtimes.in_container import keep_authorities
from uploadlab.selection import choose
from uploadlab.sending.connections import AS_IT_IS, BlockAdapter, guarded, with_headers
from uploadlab.sending.foreign import file_name, part_for
from uploadlab.sending.read_back import verify_foreign
from uploadlab.sending.source import AnnouncedFile
from uploadlab.sending.stopwatch import Stopwatch
from uploadlab.sending.upload import Uploaded, verb_and_address
from uploadlab.sending.verification import verify
from uploadlab.units import parse_rate, parse_size

LEDGER, TERMS = Ledger(), OwnTerms()
runners.install(TERMS, LEDGER)
events.init_command_line_parser.add_listener(add_options)
# Every 3 s by default; a step of the lab would be over long before its master knew.
locust.runners.WORKER_REPORT_INTERVAL = 0.2


@events.init.add_listener
def connect_users(environment: Environment, **_: Any) -> None:
    """Connect what the users do with Locust's reports, statistics and page."""
    options = environment.parsed_options
    _keep_login_apart(environment)
    keep_authorities()
    is_worker = isinstance(environment.runner, WorkerRunner)
    make_plain()
    if not is_worker:  # a worker has taken them before its master could say anything
        TERMS.take(options)
    try:
        check_options(options)
        _require_address(environment.host)
        if options.headless and not environment.host and not is_worker:
            raise UsageError("--host is missing: write --host http://127.0.0.1:5000")
    except UsageError as error:
        sys.exit(f"locust: {error}")
    # A worker does as its master says, with any kind of user.
    if not options.user_classes and not is_worker:
        environment.user_classes = [FullSpeed, Paced]
    collector.connect(environment, LEDGER, TERMS)


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Set how many users are slow, and have the file ready before any clock runs."""
    options = environment.parsed_options
    _keep_login_apart(environment)
    try:
        check_options(options)  # the page may have changed them
        _require_address(environment.host)
        if not isinstance(environment.runner, MasterRunner):  # which has no key, and sends nothing
            line_of(options, environment.host or "")
    except UsageError as error:
        logging.getLogger("locust").error(f"{error}; the test is stopped")
        gevent.spawn(environment.runner.stop)
        return
    if Paced in environment.user_classes and FullSpeed in environment.user_classes:
        Paced.fixed_count, Paced.weight = options.slow_users, 0
    if not isinstance(environment.runner, MasterRunner):
        _payload(options)
        LEDGER.begin(options.step)


def _keep_login_apart(environment: Environment) -> None:
    """Have no page, message or log of Locust show the login of its host."""
    if environment.host:
        environment.host = kept_apart_or_masked(environment.host)
        environment.parsed_options.host = environment.host


def _require_address(host: str | None) -> None:
    """Raise UsageError for the host of a test that is no address; without a host Locust asks for one."""
    if host and (problem := url_problem(host)):
        raise UsageError(f"--host {host!r} is not an address, {problem}: write http://127.0.0.1:5000")


def _payload(options: Namespace) -> Payload:
    return LEDGER.payload(parse_size(options.size), TERMS.file)


def _task(method: Method) -> Callable[["Uploading"], None]:
    """Return a Locust task of a method's name."""

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
    nowhere_else: dict[str, Any] = {"allow_redirects": False}  # noqa: RUF012  never changed
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
        self.unverified: list[tuple[LoadUpload, Uploaded]] = []
        self.spec = spec_for(self.host, self.options)

    def on_start(self) -> None:
        """Let slow users go ahead, if there are any."""
        if self.options.slow_users and not self.slow:
            gevent.sleep(HEAD_START_SECONDS)
        self.started = time.monotonic()

    def on_stop(self) -> None:
        """Verify what is left, however this user ends."""
        self.verify()

    def upload(self, method: Method) -> None:
        """Send the file once and keep its row; end the user when its time is over."""
        if self.is_over():
            self.finish()
        # Never in a step of the lab: its figures would include the verification.
        if not self.options.seconds and LEDGER.unverified_bytes > parse_size(self.options.unverified):
            self.verify()
        payload = _payload(self.options)
        started_at, watch = time.time(), Stopwatch()
        LEDGER.begun_bytes += payload.size_bytes
        uploaded, sent_bytes = self.send(method, payload, watch)
        outcome = uploaded.outcome
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
        if row.status is Status.OK or (uploaded.answered and row.status is Status.UNVERIFIED):
            LEDGER.unverified_bytes += row.size_bytes
            self.unverified.append((row, uploaded))
        else:
            LEDGER.uploads.append(row)
        if row.status in (Status.REFUSED, Status.FAILED):
            gevent.sleep(0.1)  # do not hammer a dead server

    def send(self, method: Method, payload: Payload, watch: Stopwatch) -> tuple[Uploaded, int]:
        """Return what happened to an upload, and how much of the file was sent."""
        options, size_bytes, name = self.options, payload.size_bytes, file_name()
        over_budget = f"over {options.budget:g} s"
        with open(payload.path, "rb") as file:
            source = cast(BinaryIO, AnnouncedFile(file, payload.path, size_bytes))
            part = part_for(self.spec, self.host, name) if self.spec else Part()
            request = method.send(source, size_bytes, part)
            if "data" in request and "files" not in request and isinstance(self, FastHttpUser):
                request["data"] = for_fast_client(request["data"], size_bytes)
            verb, address = verb_and_address(self.host, method, self.spec, name)
            private = private_parts(self.host)
            address = with_query(address, private.query)
            words = {"name": method.name, "catch_response": True, **self.nowhere_else, **request}
            own = {**AS_IT_IS, **request.get("headers", {})}
            words["headers"] = with_headers(own, private, is_form="files" in request)
            timeout = gevent.Timeout(options.budget)
            try:
                with timeout, self.client.request(verb, address, **words) as answer:
                    read = partial(self.body_of, answer)
                    uploaded = judge_answer(answer, read, size_bytes, self.spec, self.host, name)
                    outcome = uploaded.outcome
                    outcome.seconds = seconds = watch.seconds()
                    if outcome.status is Status.FAILED and seconds >= options.budget:
                        outcome.status, outcome.error = Status.TIMEOUT, over_budget
                    # Locust counts the bytes of answers, the lab those that were sent.
                    answer.request_meta["response_length"] = file.tell()
                    if outcome.error:
                        answer.failure(f"{outcome.status}: {outcome.error}")
            except gevent.Timeout as error:  # requests lets it pass, and Locust has not counted the upload
                if error is not timeout:
                    raise
                uploaded = Uploaded(Outcome(status=Status.TIMEOUT, error=over_budget))
                self.environment.events.request.fire(
                    request_type=verb, name=method.name, response_time=watch.seconds() * 1000,
                    response_length=file.tell(), exception=over_budget, context={},
                )  # fmt: skip
            finally:
                self.hang_up()
            # A form that is built in memory was read whole, whether or not it was sent.
            was_sent = uploaded.outcome.http_status or "files" not in request
            return uploaded, file.tell() if was_sent else 0

    def is_over(self) -> bool:
        """Return whether this user sends no more; outside of the lab's steps Locust decides that."""
        seconds: float = self.options.seconds
        if LEDGER.verify.is_set() or not seconds:
            return bool(LEDGER.verify.is_set())
        if self.unanswered >= 3:  # in a row: the server is gone
            return True
        most_bytes: int = self.options.most_bytes
        if most_bytes and LEDGER.begun_bytes + _payload(self.options).size_bytes > most_bytes:
            return True
        if self.slow:
            return bool(LEDGER.enough.is_set())
        passed = time.monotonic() - self.started
        enough = passed > seconds and min(LEDGER.progress.values()) >= LEAST_UPLOADS
        return enough or passed > seconds + PATIENCE_SECONDS

    def finish(self) -> None:
        """Wait until the master says that all have sent, then end; uploads are verified in ``on_stop``."""
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
            row, uploaded = self.unverified.pop()
            LEDGER.unverified_bytes -= row.size_bytes
            if self.spec:
                outcome = verify_foreign(self.spec, uploaded, payload, None)
            else:
                outcome = verify(self.host, uploaded, payload)
            row.status, row.error = outcome.status, outcome.error
            row.stored_bytes, row.digest_ok = outcome.stored_bytes, outcome.digest_ok
            row.removed = outcome.removed
            LEDGER.uploads.append(row)

    def body_of(self, answer: Any) -> bytes:
        """Return what is taken of an answer's content; requests has taken no more than it may."""
        return answer.content or b""

    def hang_up(self) -> None:
        """Close the connection: uWSGI closes it without saying, and the next upload would fail."""


class FullSpeed(Uploading, FastHttpUser):
    """A user as fast as possible, by Locust's fast client."""

    nowhere_else: dict[str, Any] = {"allow_redirects": False, "stream": True}  # noqa: RUF012  read by body_of

    def __init__(self, environment: Environment) -> None:
        options = environment.parsed_options
        pace = parse_rate(options.pace) if self.slow else None
        host = environment.host or ""
        self.client_pool = Pool(options.budget, pace, private_parts(host), line_of(options, host))
        super().__init__(environment)
        guard_session(self.client)

    def body_of(self, answer: Any) -> bytes:
        """Return what is taken of an answer's content."""
        return answer_body(answer)

    def hang_up(self) -> None:
        """Close the connection."""
        self.client.client.clientpool.close()


class Paced(FullSpeed):
    """A user no faster than ``--pace``; ``--slow-users`` is their number."""

    slow = True


class WithRequests(Uploading, HttpUser):
    """A user as fast as possible, by requests, as in the lab's other uploads."""

    def on_start(self) -> None:
        """Send blocks of the lab's size, with the limits of its sessions."""
        guarded(self.client, BlockAdapter(through=line_of(self.options, self.host)))
        self.client.verify = private_parts(self.host).verify
        super().on_start()

    def hang_up(self) -> None:
        """Close the connection."""
        self.client.close()
