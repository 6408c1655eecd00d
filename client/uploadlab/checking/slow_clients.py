"""How many slow clients, each in mid-upload, keep a server from answering another client."""

import threading
import time
from contextlib import ExitStack
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt, Bystanders
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.cases_limits import ANSWER_SECONDS, MOST_SLOW_CLIENTS, SLOW_CLIENTS
from uploadlab.checking.crowd import gathered
from uploadlab.checking.wire import Reply, send_attempt
from uploadlab.clock import now
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.planning.check_cells import routes
from uploadlab.sending.healthz import uploads_in_progress
from uploadlab.sending.verification import remove_upload

AT_ONCE = threading.Semaphore(8)
"""Targets with slow clients at a time: a process may open 1,024 files by default, and each client is one."""
STAY_SECONDS = 120.0
"""How long slow clients stay at most: longer than all steps take."""
TIMES_ALONE = 20
"""A server on a busy host may take this many times as long as for the upload alone: it is not stopped."""
ALONE_SECONDS = 30.0
"""How long the upload may take alone."""
RECOVERY_SECONDS = 30.0
"""How long a server may take to answer after slow clients have left."""
HANDED_ON_SECONDS = 2.0
"""After which a front has passed on all that it passes on."""
POLL_SECONDS = 0.1


class OtherUpload:
    """The small upload of another client, which may have to wait for its answer."""

    def __init__(self, target: Target, attempt: Attempt, route: str) -> None:
        self.reply: Reply | None = None
        self._target, self._address = target, f"{target.url}{route}"
        self._answered = threading.Event()
        threading.Thread(target=self._send, args=(attempt,), daemon=True).start()

    def is_stored(self, seconds: float) -> bool:
        """Wait for the answer, for that many seconds at most; return whether it came, and says success."""
        self._answered.wait(seconds)
        return self.reply is not None and self.reply.accepted

    @property
    def refusal(self) -> str:
        """What was answered in place of success; empty for nothing."""
        return f"{self.reply.status} {self.reply.reason}" if self.reply and self.reply.status else ""

    def _send(self, attempt: Attempt) -> None:
        self.reply = send_attempt(self._address, attempt)
        self._answered.set()
        if self.reply.accepted and self.reply.stored_at:
            remove_upload(f"{self._target.url}{self.reply.stored_at}")


class Beside(NamedTuple):
    """What a server did beside slow clients."""

    served: int
    """How many of them do not stop it."""
    in_app: int | None
    """How many of these have an upload in the app; None: not known."""
    refusal: str | None
    """What another client was answered beside one more of them, empty for nothing; None: it was served."""
    recovers: bool


def slow_clients_row(target: Target) -> Check:
    """Return how many slow clients stop the target, which must answer again when they have left."""
    started_at, attempt = now(), next(CASES[SLOW_CLIENTS].attempts())
    route = routes(target, attempt)[0]
    with AT_ONCE:
        OtherUpload(target, attempt, route).is_stored(ALONE_SECONDS)  # a server may load its app only now
        began, alone = time.monotonic(), OtherUpload(target, attempt, route)
        if alone.is_stored(ALONE_SECONDS):
            seconds = max(ANSWER_SECONDS, TIMES_ALONE * (time.monotonic() - began))
            found = _ladder(target, attempt, route, seconds)
        else:
            found = None
    problem = "" if found and found.recovers else "not-recovered" if found else "not-taken"
    return Check(
        case=SLOW_CLIENTS,
        deployment=target.name,
        route=route,
        label="",
        started_at=started_at,
        verdict=Verdict.FAIL if problem else Verdict.PASS,
        code=problem,
        text=_words(found) if found else alone.refusal or "no answer, without slow clients",
        stopped_by=found.served + 1 if found and found.refusal is not None else None,
        in_app=found.in_app if found else None,
    )


def _ladder(target: Target, attempt: Attempt, route: str, seconds: float) -> Beside:
    """Double the number of slow clients until the server is stopped, then halve what is added.

    Clients that stop it leave again, and then it must answer.
    """
    served, more, refusal, recovers = 0, 1, None, True
    crowd = attempt.crowd or Bystanders(0, "")
    with ExitStack() as staying:
        while more and served < MOST_SLOW_CLIENTS and recovers:
            with ExitStack() as coming:
                coming.enter_context(
                    gathered(f"{target.url}{route}", crowd._replace(clients=more), STAY_SECONDS)
                )
                other = OtherUpload(target, attempt, route)
                if is_served := other.is_stored(seconds):
                    staying.push(coming.pop_all())
                else:
                    refusal = other.refusal
            if is_served:
                served += more
                more = served if refusal is None else more // 2
            else:
                recovers = _recovers(target, attempt, route, other)
                more //= 2
        in_app = _in_app(target, served) if recovers else None
    # Some may hold the server until the last of them has left.
    recovers = recovers or OtherUpload(target, attempt, route).is_stored(RECOVERY_SECONDS)
    return Beside(served, in_app, refusal, recovers)


def _recovers(target: Target, attempt: Attempt, route: str, waiting: OtherUpload) -> bool:
    """Return whether the server answers the upload that waits, or else a new one."""
    return waiting.is_stored(RECOVERY_SECONDS) or OtherUpload(target, attempt, route).is_stored(
        RECOVERY_SECONDS
    )


def _in_app(target: Target, clients: int) -> int | None:
    """Return how many of these clients have an upload in the app, once a front has passed them on."""
    end = time.monotonic() + HANDED_ON_SECONDS
    while (found := uploads_in_progress(target.url)) != clients and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return found


def _words(found: Beside) -> str:
    if found.refusal is None:
        text = f"{found.served} do not stop it"
    else:
        text = f"{found.served + 1} stop it" if found.served else "1 stops it"
        text += f" ({found.refusal})" if found.refusal else ""
    if not found.recovers:
        return f"{text}, and it does not answer after they left"
    if found.in_app is None or found.in_app >= found.served:
        return text
    return f"{text}, {f'{found.in_app} of {found.served}' if found.in_app else 'none'} in the app"
