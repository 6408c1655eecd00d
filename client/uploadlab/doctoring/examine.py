"""All questions to one endpoint, in their order."""

from collections.abc import Iterator
from datetime import UTC, datetime

from uploadlab import __version__
from uploadlab.doctoring.endpoint import Endpoint
from uploadlab.doctoring.examination import Ended, Examiner, Report
from uploadlab.doctoring.questions import basics, bodies, http2, sizes, speed, times
from uploadlab.doctoring.registry import QUESTIONS, Question
from uploadlab.model.exchanges import Examination, Stop

SUBJECTS = (basics, sizes, bodies, http2, speed, times)
"""The modules with the questions; importing them registers these."""
ORDER = (
    "wire", "identity", "first", "announced", "sent", "chunked", "empty", "cut", "expect", "heads", "fields",
    "http2", "speed", "early", "buffering", "silence", "duration", "waiting",
)  # fmt: skip
"""What limits nothing comes first, what takes long last."""


def planned() -> Iterator[Question]:
    """Yield the questions in the order in which they are asked."""
    return (QUESTIONS[name] for name in ORDER)


def most_requests() -> int:
    """Return how many requests an examination sends at most."""
    return sum(question.requests for question in planned())


def examine(
    endpoint: Endpoint, far_end: Endpoint | None, budget: tuple[int, float], rungs: list[float],
    report: Report,
) -> Examination:  # fmt: skip
    """Ask all questions within a budget of bytes and seconds; return what was seen, also after Ctrl-C."""
    seen = Examination(
        url=endpoint.url, started_at=datetime.now(UTC).isoformat(timespec="seconds"), version=__version__,
        far_end=far_end.address.path if far_end else "", as_form=endpoint.as_form,
        budget_bytes=budget[0], budget_seconds=budget[1], rungs=rungs,
    )  # fmt: skip
    examiner = Examiner(endpoint, far_end, seen, report)
    try:
        for question in planned():
            examiner.begin(question.name)
            question.ask(examiner)
    except Ended as ended:
        seen.stop, seen.why = ended.stop, str(ended)
    except KeyboardInterrupt:
        seen.stop, seen.why = Stop.INTERRUPTED, "stopped by Ctrl-C"
    return seen
