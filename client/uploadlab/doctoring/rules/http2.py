"""What breaks over HTTP/2 that works over HTTP/1.1."""

from collections.abc import Iterator
from http import HTTPStatus

from uploadlab.doctoring.rules.bodies import LOST
from uploadlab.doctoring.rules.view import BROKEN, View, ended, fact, finding_rule, made
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Exchange, Framing

ERRORS = HTTPStatus.BAD_REQUEST


@finding_rule
def unsized_lost(view: View) -> Iterator[Finding]:
    """Find bodies without a length that are lost over HTTP/2 alone: over HTTP/1.1, another rule says it."""
    if any(_is_lost(found) for found in view.seen.of("chunked") if found.framing is Framing.CHUNKED):
        return
    found = next((item for item in view.seen.of("http2") if _is_lost(item)), None)
    if found is None or found.framing is not Framing.FRAMES:
        return
    yield from made(
        "An upload without a length is answered with success over HTTP/2, and its body is lost",
        Weight.LOSS, view.suspects("chunked", view.server), [fact(found)], Confidence.PROVEN,
    )  # fmt: skip


def _is_lost(found: Exchange) -> bool:
    empty = found.arrived is not None and found.arrived.looks_empty
    return found.is_success and (empty or found.stored in LOST)


def http2_facts(view: View) -> list[str]:
    """Return what fails over HTTP/2 and works over HTTP/1.1, in sentences: no setting is known for that."""
    works = any(found.is_success and found.framing is Framing.LENGTH for found in view.seen.of("chunked"))
    tried = [found for found in view.seen.of("http2") if found.framing is Framing.LENGTH]
    failed = [found for found in tried if found.ending in BROKEN or (found.status or 0) >= ERRORS]
    if not (works and failed):
        return []
    return [f"An upload that arrives over HTTP/1.1 fails over HTTP/2: {failed[0].error or ended(failed[0])}"]
