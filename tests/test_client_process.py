"""What the lab makes of its client process's answers: late, out of date, and no answers at all."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import LabError
from uploadlab.model.measurements import Outcome, Status
from uploadlab.processes.groups import Processes
from uploadlab.sending import client as lab_side
from uploadlab.sending.client import Client

ANSWERING = """
import json, sys, time

def say(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)

def end(job):
    say("UploadSent", job=job)
    say("UploadVerified", job=job, outcome={"status": "ok", "error": f"of {job}"})

say("ProcessReady")
for line in sys.stdin:
    job = json.loads(line)["number"]
"""


class Played(Processes):
    """Processes of which each is the same script."""

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script
        self.started = 0

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, *args: Any, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        self.started += 1
        return super().start([sys.executable, "-c", self.script], environment, folder, *args, **pipes)


def measured(script: str, payload: Payload, budget_seconds: float = 5.0) -> tuple[list[Outcome], int]:
    """Two uploads by a process that does this for each job, and how many processes they took."""
    processes = Played(ANSWERING + script)
    with processes:
        client = Client(processes)
        outcomes = [client.measure("http://h", "request.stream", payload, budget_seconds) for _ in "12"]
        return outcomes, processes.started


def test_a_late_begin_is_not_taken_for_an_outcome(payload: Payload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_side, "BEGIN_SECONDS", 0.1)
    outcomes, started = measured("    time.sleep(0.5); say('UploadBegun', job=job); end(job)", payload)
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [("ok", "of 1"), ("ok", "of 2")]
    assert started == 1


def test_answers_of_an_earlier_job_are_skipped(payload: Payload) -> None:
    outcomes, _ = measured("    say('UploadBegun', job=job); end(job - 1); end(job); end(job)", payload)
    assert [outcome.error for outcome in outcomes] == ["of 1", "of 2"]


@pytest.mark.slow
def test_an_outcome_before_the_clock_has_stopped_does_not_count(payload: Payload) -> None:
    script = "    say('UploadVerified', job=job, outcome={'status': 'ok'})"
    outcomes, started = measured(script, payload, 0.2)
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [(Status.TIMEOUT, "over 0.2 s")] * 2
    assert started == 2


@pytest.mark.parametrize(
    "line",
    ["Traceback (most recent call last):", "null", '{"type": "UploadSent"}', '{"type": "Done", "job": 1}'],
)
def test_what_is_no_answer_fails_the_upload_and_the_next_one_works(payload: Payload, line: str) -> None:
    script = f"    print({line!r}, flush=True) if job == 1 else (say('UploadBegun', job=job), end(job))"
    outcomes, started = measured(script, payload)
    assert outcomes[0].status is Status.FAILED
    assert repr(line.encode()) in str(outcomes[0].error)
    assert "\n" not in str(outcomes[0].error)
    assert (outcomes[1].status, started) == (Status.OK, 2)


def test_a_process_that_never_gets_ready_ends_the_command(payload: Payload) -> None:
    with Played("print('hello', flush=True)") as processes, pytest.raises(LabError, match="b'hello'"):
        Client(processes).measure("http://h", "request.stream", payload, 1)
    with Played("") as processes, pytest.raises(LabError, match="does not start"):
        Client(processes).measure("http://h", "request.stream", payload, 1)
