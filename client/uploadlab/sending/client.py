"""The lab's side of the client process: gives it jobs, and ends it when a budget is spent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import requests

from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import LabError
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.processes.jsonpipe import Lines, UnreadableAnswer
from uploadlab.sending import server_usage as usage
from uploadlab.sending import upload, verification
from uploadlab.sending.answered import json_of
from uploadlab.sending.connections import get
from uploadlab.sending.healthz import PROBE_SECONDS, NotReady, ask_versions
from uploadlab.sending.process import Answer, ProcessReady, UploadBegun, UploadJob, UploadSent, UploadVerified
from uploadlab.versions.client_folders import NO_FOLDERS, ClientFolders
from uploadlab.versions.locks import OWN_CLIENT

START_SECONDS = 30.0
POLL_SECONDS = 0.1
BEGIN_SECONDS = usage.ANSWER_SECONDS + 5  # to ask what the server has used so far


VERIFY_SECONDS = 2 * verification.VERIFY_SECONDS + BEGIN_SECONDS  # reading back, and removing


Kind = TypeVar("Kind", UploadBegun, UploadSent, UploadVerified)


class Client:
    """The lab's client process, started when it is needed and again after the lab had to end it."""

    def __init__(self, processes: Processes, folders: ClientFolders = NO_FOLDERS) -> None:
        """Take the folders of packages that the process, and programs that it starts, load first."""
        self._processes, self._folders = processes, folders
        self._own_versions: dict[str, str] = {}
        self._pipe: Lines | None = None
        self._jobs = 0

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: TargetSpec | None = None,
        through: tuple[str, int] | None = None,
    ) -> Outcome:
        """Upload once and verify; never raise for what a server or the client's memory does.

        The upload alone goes ``through`` the line that begins there.
        """
        pipe = self._started()
        self._jobs += 1
        try:
            pipe.write(UploadJob(self._jobs, url, method, payload, budget_seconds, foreign, through))
            self._answer(pipe, UploadBegun, BEGIN_SECONDS)
            if not self._answer(pipe, UploadSent, budget_seconds):
                return self._ended(pipe, Status.TIMEOUT, f"over {round(budget_seconds, 1):g} s")
            verified = self._answer(pipe, UploadVerified, VERIFY_SECONDS)
        except OSError:
            return self._ended(pipe, Status.FAILED, "the client's process does not listen")
        except UnreadableAnswer as error:
            return self._ended(pipe, Status.FAILED, f"the client's process went wrong: {error}")
        if verified is None:
            return self._ended(pipe, Status.WRONG, "not verified: the server did not answer in time")
        return verified.outcome

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that differ between the clients of a run."""
        self._started()
        return self._own_versions

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        """Upload once under a profiler, from the lab's process: the time does not count.

        Return the outcome, the profile's files by name and, without files, the reason.
        """
        silence = budget_seconds + BEGIN_SECONDS
        budget = f"{budget_seconds:g}"
        uploaded = upload.upload(url, ALL_METHODS[method], payload, silence, budget=budget, profile=kind)
        if uploaded.outcome.status is not Status.OK:
            return uploaded.outcome, {}, uploaded.outcome.error or ""
        files, why = verification.fetch_profile(url, uploaded)
        return verification.verify(url, uploaded, payload), files, why

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        """Poll /healthz. Return versions and no reason, or the reason why the target is not healthy.

        An answer that settles the matter ends the wait, and so does a target that is dead: ``explain``
        returns why.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                return ask_versions(target), ""
            except NotReady as not_ready:
                problem, settled = str(not_ready), not_ready.settled
            if why := explain():
                return {}, why
            if settled or time.monotonic() > end:
                return {}, problem
            time.sleep(POLL_SECONDS)

    def wait_idle(self, url: str, seconds: float) -> bool:
        """Wait until a server has no upload in progress; return False if it still has one after that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(requests.RequestException, ValueError):  # its only worker may be the busy one
                if not json_of(get(f"{url}/healthz", PROBE_SECONDS).content).get("uploads_in_progress"):
                    return True
            time.sleep(POLL_SECONDS)
        return False

    def _started(self) -> Lines:
        if self._pipe is None or self._pipe.process.poll() is not None:
            own = self._folders.paths.get(OWN_CLIENT)
            places = [*([str(own)] if own else []), str(ROOT / "client")]
            process = self._processes.start(
                [sys.executable, "-m", "uploadlab.sending.process"],
                {**os.environ, **self._folders.environment(), "PYTHONPATH": os.pathsep.join(places)},
                ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            pipe = Lines(process)
            if not (ready := pipe.read(ProcessReady, START_SECONDS)):
                self._processes.kill(process)
                fix = "choose other versions" if own else "./scripts/install may fix that"
                raise LabError(f"the client's own process does not start: {fix}")
            self._pipe, self._own_versions = pipe, ready.versions
        return self._pipe

    def _answer(self, pipe: Lines, kind: type[Kind], seconds: float) -> Kind | None:
        """Return the current job's answer of a kind; return None if none comes in this time.

        Other answers are skipped: they are late, or of an earlier job. Raise UnreadableAnswer.
        """
        end = time.monotonic() + seconds
        answer: Answer | None = None
        while not (isinstance(answer, kind) and answer.job == self._jobs):
            answer = pipe.read(Answer, max(0.0, end - time.monotonic()))
            if answer is None:
                return None
        return answer

    def _ended(self, pipe: Lines, status: Status, error: str) -> Outcome:
        """End a process that did not answer; if it had died by itself, that is a failed upload."""
        code = pipe.process.poll()
        self._processes.kill(pipe.process)
        if code is None:
            return Outcome(status=status, error=error, usage_note=usage.NO_ANSWER.note)
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        return Outcome(status=Status.FAILED, error=f"the client's process ended with {how}")
