"""The lab's side of the client: gives it jobs, and ends it when the budget is spent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import requests

from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import LabError
from uploadlab.model.deployments import EXTERNAL, Foreign, Target
from uploadlab.model.measurements import Outcome, Status
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.processes.jsonpipe import Lines
from uploadlab.sending import server_usage as usage
from uploadlab.sending import upload, verification
from uploadlab.sending.connections import session
from uploadlab.sending.process import Job

START_SECONDS = 30.0
PROBE_SECONDS = 5.0
POLL_SECONDS = 0.1
BEGIN_SECONDS = usage.ANSWER_SECONDS + 5  # to ask what the server has used so far
VERIFY_SECONDS = (
    2 * verification.VERIFY_SECONDS + BEGIN_SECONDS
)  # reading back and removing, each in its own time


class Client:
    """One client process, started when it is needed and again after it had to be ended."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._worker: Lines | None = None

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: Foreign | None = None,
    ) -> Outcome:
        """Upload once and verify; never raises for what a server or the client's memory does."""
        worker = self._ready()
        try:
            worker.write(Job(url, method, payload, budget_seconds, foreign))
        except OSError:
            return self._ended(worker, Status.FAILED, "the client's process does not listen")
        worker.line(BEGIN_SECONDS)
        uploaded = worker.read(Outcome, budget_seconds)
        if uploaded is None:
            return self._ended(worker, Status.TIMEOUT, f"over {budget_seconds:g} s")
        verified = worker.read(Outcome, VERIFY_SECONDS)
        if verified is None:
            return self._ended(worker, Status.WRONG, "not verified: the server did not answer in time")
        return verified

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        """Upload once under a profiler, from here: its time does not count."""
        budget = f"{budget_seconds:g}"
        silence = budget_seconds + BEGIN_SECONDS
        uploaded = upload.upload(url, METHODS[method], payload, silence, budget=budget, profile=kind)
        files: dict[str, bytes] = {}
        why = uploaded.outcome.error or ""
        if uploaded.outcome.status is Status.OK:
            files, why = verification.fetch_profile(url, uploaded)
        return verification.verify(url, uploaded, payload), files, why

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        """Poll /healthz: versions and no reason, or the reason why it never got healthy.

        ``explain`` tells why the target is dead, as soon as it is.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                if target.foreign:
                    return {"answered as": _reach(target.url)}, ""
                content, server = _probe(target.url)
                if target.tier == EXTERNAL or content.get("deployment") == target.name:
                    return _versions(content, server), ""
                problem = f"{content.get('deployment')!r} answers there"
            except (requests.RequestException, ValueError) as error:
                problem = upload.reason(error)
            if why := explain():
                return {}, why
            if time.monotonic() > end:
                what = "" if target.foreign else " /healthz"
                return {}, f"{target.url} does not answer{what} ({problem})"
            time.sleep(POLL_SECONDS)

    def wait_idle(self, url: str, seconds: float) -> bool:
        """Wait until no upload is in work there; False if one still is after that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if not _probe(url)[0].get("uploads_in_progress"):
                    return True
            except (requests.RequestException, ValueError):
                pass  # its only worker may be the busy one
            time.sleep(POLL_SECONDS)
        return False

    def _ready(self) -> Lines:
        if self._worker is None or self._worker.process.poll() is not None:
            process = self._processes.start(
                [sys.executable, "-m", "uploadlab.sending.process"],
                {**os.environ, "PYTHONPATH": str(ROOT / "client")},
                ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._worker = Lines(process)
            if not self._worker.line(START_SECONDS):
                self._processes.kill(process)
                raise LabError("the client's own process does not start: ./scripts/install may mend it")
        return self._worker

    def _ended(self, worker: Lines, status: Status, error: str) -> Outcome:
        """End a client that did not answer; one that had died by itself is a failed upload."""
        code = worker.process.poll()
        self._processes.kill(worker.process)
        if code is None:
            return Outcome(status=status, error=error, usage_note=usage.NO_ANSWER.note)
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        return Outcome(status=Status.FAILED, error=f"the client's process ended with {how}")


def _reach(url: str) -> str:
    """The Server header of whatever a foreign server answers; raises RequestException."""
    with session() as one:
        return one.get(url, timeout=PROBE_SECONDS, allow_redirects=False).headers.get("Server", "")


def _probe(url: str) -> tuple[dict[str, Any], str]:
    """What /healthz says, and the Server header; raises RequestException, ValueError."""
    with session() as one:
        response = one.get(f"{url}/healthz", timeout=PROBE_SECONDS)
    response.raise_for_status()
    content = response.json()
    if not isinstance(content, dict):
        raise ValueError("/healthz is not a JSON object")
    return content, response.headers.get("Server", "")


def _versions(content: dict[str, Any], server: str) -> dict[str, str]:
    found = content.get("versions")
    known = found if isinstance(found, dict) else {}
    return {**{str(name): str(value) for name, value in known.items()}, "answered as": server}
