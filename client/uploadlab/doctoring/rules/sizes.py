"""Limits of size: of bodies, heads, fields; and disks that are full."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from uploadlab.doctoring.platforms import platform_matches
from uploadlab.doctoring.questions.sizes import is_refused
from uploadlab.doctoring.rules.view import BROKEN, FRONTS, View, ended, fact, finding_rule, made
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Exchange, Framing
from uploadlab.units import GIB, KIB, format_size

FAR_AWAY = GIB
"""Bytes: a limit of that much or more is a note; so is one that uploads of this size do not meet."""
EARLIEST_SHARE = 0.7
"""Of the time after which a slow upload was ended: servers look at their timers now and then."""
SMALL_HEAD = 8 * KIB
GATEWAY = (502, 503, 504)


class Limit:
    """The sizes between which a place begins to refuse, and the answer to the smallest refused one."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        refused = [found for found in exchanges if is_refused(found)]
        self.refusal = min(refused, key=lambda found: found.body_bytes, default=None)
        self.refused = self.refusal.body_bytes if self.refusal else 0
        # What was only announced is taken as far as announcing goes: an app may still refuse what comes.
        by_words = self.refusal is not None and self.refusal.question == "announced"
        taken = [
            found.body_bytes
            for found in exchanges
            if found.is_success or (by_words and found.question == "announced" and not is_refused(found))
        ]
        below = [size for size in taken if not self.refused or size < self.refused]
        self.taken = max(below, default=0)

    @property
    def words(self) -> str:
        """The limit in words."""
        return f"{format_size(self.taken)} is accepted, {format_size(self.refused)} is refused"


def _limit(view: View, exchanges: list[Exchange]) -> Limit | None:
    found = Limit(exchanges)
    return found if found.refusal and found.taken else None


@finding_rule
def body_too_large(view: View) -> Iterator[Finding]:
    """Find the size from which on bodies are refused, and by whom."""
    uploads = [*view.own("sent"), *view.own("first")[-1:], *view.own("expect")]
    uploads += [found for found in view.own("chunked") if found.framing is Framing.LENGTH]
    own = _limit(view, [*view.own("announced"), *uploads])
    if own is None or own.refusal is None or _takes_too_long(view, own.refusal):
        return
    refusal = own.refusal
    if _is_full(refusal) or (
        (refusal.status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR and view.by(refusal) in FRONTS
    ):
        return  # `spool_full` says it
    elsewhere = _limit(view, [*view.far("announced"), *view.far("sent"), *view.far("first")])
    arrives = [found for found in view.far("sent") if found.is_success and found.body_bytes >= own.refused]
    confidence = Confidence.LIKELY
    written = view.by(refusal)
    if written == "app" or (arrives and not elsewhere):
        suspects = view.suspects("size", "app")
        confidence = Confidence.PROVEN if arrives else Confidence.LIKELY
    elif written:
        suspects, confidence = view.suspects("size", written), Confidence.PROVEN
    elif refusal.status is None and _is_announceable(view, own.refused):  # nobody minds its length
        suspects = ["link.loss", *view.suspects("size", view.likely_server)]
    elif refusal.status is None:
        suspects = view.suspects("size", view.likely_server)
    else:
        suspects = view.suspects("size", view.front or view.server)
    if refusal.is_form and written == "app" and _is_announceable(view, own.refused):
        suspects = list(dict.fromkeys(["app.MAX_FORM_MEMORY_SIZE", *suspects]))
    matches = platform_matches("size", own.refused)
    evidence = [own.words, fact(refusal)]
    if elsewhere:
        evidence.append(f"The far end, behind the same hops: {elsewhere.words}")
    elif arrives:
        evidence.append(
            f"The far end accepts {format_size(arrives[0].body_bytes)}, so only the app refuses it"
        )
    how = f"are refused with {refusal.status}" if refusal.status else f"fail: {ended(refusal)}"
    weight = Weight.PROBLEM if own.taken < FAR_AWAY else Weight.NOTE
    yield from made(
        f"Bodies over {format_size(own.taken)} {how}", weight, suspects, evidence, confidence,
        matches=matches,
    )  # fmt: skip


def _takes_too_long(view: View, refusal: Exchange) -> bool:
    """Return whether an upload ended where a limit of time strikes: then its size is no reason."""
    timed = [found for found in view.seen.of("duration") if not found.is_success and found.seconds]
    late = refusal.status is None or refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return late and any((refusal.seconds or 0.0) > EARLIEST_SHARE * (found.seconds or 0.0) for found in timed)


def _is_announceable(view: View, size_bytes: int) -> bool:
    """Return whether a body of that size was not refused when it was only announced."""
    return any(not is_refused(found) and found.body_bytes >= size_bytes for found in view.own("announced"))


def _is_full(found: Exchange) -> bool:
    text = found.content.lower()
    full = "no space left" in text or "errno 28" in text or "disk is full" in text
    return found.status == HTTPStatus.INSUFFICIENT_STORAGE or full


@finding_rule
def spool_full(view: View) -> Iterator[Finding]:
    """Find bodies that a hop, or the app, cannot write: small ones arrive, large ones end with 500 or 507."""
    sent = [found for found in view.own("sent") if found.status is not None]
    failed = [found for found in sent if (found.status or 0) in (500, 507) or _is_full(found)]
    if not failed:
        return
    found = min(failed, key=lambda item: item.body_bytes)
    arrives = [item for item in view.far("sent") if item.is_success and item.body_bytes >= found.body_bytes]
    written = view.by(found)
    by_app = written == "app" or _is_full(found) or bool(arrives) or not written
    suspects = ["app.disk"] if by_app else []
    suspects = [*suspects, *view.suspects("spool", written or "app")]
    yield from made(
        f"Uploads of {format_size(found.body_bytes)} end with {found.status}: the server cannot write them",
        Weight.PROBLEM, list(dict.fromkeys(suspects)), [fact(found), *map(fact, arrives[:1])],
        Confidence.PROVEN if _is_full(found) else Confidence.LIKELY,
    )  # fmt: skip


@finding_rule
def head_too_large(view: View) -> Iterator[Finding]:
    """Find the size from which on headers are refused."""
    tried = view.seen.of("heads")
    refused = next((found for found in tried if not found.is_success), None)
    if refused is None or (refused is tried[0] and not _other_small_arrives(view)):
        return
    taken = tried[tried.index(refused) - 1].head_bytes if refused is not tried[0] else 0
    weight = Weight.PROBLEM if refused.head_bytes < SMALL_HEAD else Weight.NOTE
    written = view.by(refused)
    behind = refused.ending in BROKEN or refused.status in GATEWAY
    suspects = view.suspects("head", view.likely_server if behind else written or view.front or view.server)
    suspects = [name for name in suspects if "line" not in name and "vars" not in name]
    above = f"over {format_size(taken)}" if taken else f"of {format_size(refused.head_bytes)}"
    yield from made(
        f"Requests with headers {above} are refused", weight, suspects, [fact(refused)],
        Confidence.PROVEN if written and not behind else Confidence.LIKELY,
    )  # fmt: skip


def _other_small_arrives(view: View) -> bool:
    return any(found.is_success for found in view.seen.of("first"))


@finding_rule
def field_too_large(view: View) -> Iterator[Finding]:
    """Find a form that is refused for a field beside the file."""
    for found in view.own("fields"):
        if (
            found.status is not None
            and not found.is_success
            and found.status < HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            yield from made(
                f"A form with a field of {format_size(found.body_bytes)} is refused with {found.status}",
                Weight.NOTE, ["app.MAX_FORM_MEMORY_SIZE"], [fact(found)],
            )  # fmt: skip
