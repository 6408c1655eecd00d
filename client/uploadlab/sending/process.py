"""The client's own process: it uploads what it is told to, one file at a time.

Apart from the lab, so that its memory is the client's alone, an upload can be cut off at
its budget, and a client that runs out of memory is a row in the table.

Jobs come as JSON lines on standard input. Each gets three answers: null when the upload
begins, the outcome when the clock has stopped, and the verified outcome.
"""

import sys
from typing import Any

import msgspec

from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.deployments import Foreign
from uploadlab.model.measurements import Outcome
from uploadlab.sending import server_usage as usage
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify


class Job(msgspec.Struct):
    """One upload to do."""

    url: str
    method: str
    payload: Payload
    budget_seconds: float
    foreign: Foreign | None = None


def main() -> None:
    """Say ready, then answer jobs until the input ends."""
    encoder = msgspec.json.Encoder()

    def answer(outcome: Outcome | None) -> None:
        sys.stdout.buffer.write(encoder.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()

    answer(None)
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        # The budget, so that an abandoned upload ends on the server, too.
        query: dict[str, Any] = {} if job.foreign else {"budget": f"{job.budget_seconds:g}"}
        before = None if job.foreign else usage.reset(job.url)
        answer(None)
        uploaded = upload(job.url, METHODS[job.method], job.payload, foreign=job.foreign, **query)
        answer(uploaded.outcome)
        cost = usage.NO_ANSWER
        if uploaded.outcome.http_status:
            cost = usage.cost(before, usage.read(job.url) if before else None)
        answer(with_cost(verify(job.url, uploaded, job.payload), cost))


def with_cost(outcome: Outcome, cost: usage.Cost) -> Outcome:
    """The outcome, with what it cost the server."""
    outcome.server_cpu_seconds = cost.cpu_seconds
    outcome.server_system_seconds = cost.system_seconds
    outcome.server_peak_rss_bytes = cost.peak_rss_bytes
    outcome.spooled_bytes = usage.spooled_bytes(cost.written_bytes, outcome.stored_bytes)
    outcome.usage_note = cost.note
    return outcome


if __name__ == "__main__":
    main()
