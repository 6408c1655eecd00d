"""Attempts at a server of the user's own: what can be judged without the lab's contract.

Any answer of 4xx, or 501, 505 or 507, is a clear refusal there, whatever its words. What an accepted upload
has become is known where the user has said how to read it back; elsewhere the verdict is "unknown".
"""

import time
from collections.abc import Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt, field, form, noise, raw
from uploadlab.catalogue.methods import FIELD, FILE_NAME
from uploadlab.checking.oracle import Judgement, ServerState, judge_attempt
from uploadlab.checking.wire import Reply, send_attempt
from uploadlab.model.checks import UNREAD, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.targets import TargetSpec
from uploadlab.private_urls import private_parts
from uploadlab.sending.digests import SentFile, digest_of
from uploadlab.sending.foreign import Answered, file_name, named, unmet
from uploadlab.sending.read_back import StoredCopy, remove_copy, stored_copy
from uploadlab.sending.shelf import Shelf

SETTLE_SECONDS = 10.0
"""Until a server has cleared up what a refused upload has left in its folder."""
POLL_SECONDS = 0.05
CLEAR_REFUSALS = (
    *range(400, 500),
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    HTTPStatus.INSUFFICIENT_STORAGE,
    *range(200, 300),  # a refusal by the user's own rule
)
TRIAL = noise(10_001)


class ForeignTrial(NamedTuple):
    """How attempts that share a connection ended, and what they left on the server."""

    states: list[ServerState]
    left: int
    left_bytes: int


class Taken(NamedTuple):
    """The kinds of body that a server takes, as two small uploads have shown."""

    plain: bool
    form: bool
    why: str
    """What it answered to a kind that it does not take."""
    left: int = 0
    """Of these uploads, those that were not removed."""

    def takes(self, attempt: Attempt) -> bool:
        """Return whether the server takes the attempt's kind of body."""
        return self.form if attempt.form else self.plain


def adapted(attempt: Attempt, target: Target, spec: TargetSpec, name: str) -> Attempt:
    """Return the attempt as that server wants it: its method, its form's fields, and no rule of the lab's."""
    head = attempt.head
    if attempt.form:
        ours, theirs = f'name="{FIELD}"'.encode(), f'name="{spec.field or FIELD}"'.encode()
        head = head.replace(ours, theirs).replace(f'"{FILE_NAME}"'.encode(), f'"{name}"'.encode())
        others = private_parts(target.url).fields
        head = (b"".join(field(key, value.encode()) for key, value in others) if head else b"") + head
    usual = attempt.verb in ("PUT", "POST")
    return attempt._replace(
        head=head,
        verb=(spec.request_method or "POST") if usual else attempt.verb,
        refusals=CLEAR_REFUSALS,
        untrue_reasons=(),
        refused_in_json=False,
        required_headers=MappingProxyType({}),
        after=tuple(adapted(follower, target, spec, file_name()) for follower in attempt.after),
    )


def by_rule(reply: Reply, spec: TargetSpec) -> Reply:
    """Return the reply, whose success is what the user says."""
    if reply.status is None:
        return reply
    problem = unmet(spec, reply.status, reply.body)
    return reply._replace(rejected=bool(problem), reason=reply.reason or problem or "success")


def settled(
    target: Target, spec: TargetSpec, attempts: Sequence[Attempt], replies: Sequence[Reply], name: str,
    shelf: Shelf | None,
) -> ForeignTrial:  # fmt: skip
    """Read back what the server accepted, and remove it where the user has said how."""
    states, left, left_bytes, accepted = [], 0, 0, 0
    for attempt, reply in zip(attempts, replies, strict=False):
        if not reply.accepted:
            states.append(ServerState(uploads=_stored_though_refused(shelf, reply, accepted)))
            continue
        accepted += 1
        answered = Answered(target.url, _name_in(attempt, name), reply.body, reply.location)
        copy = StoredCopy()
        if spec.reads_back:
            copy = stored_copy(spec, answered, _sent(attempt), shelf)
        states.append(_state(copy, attempt, reply))
        if not spec.removes or remove_copy(spec, answered, copy):
            left, left_bytes = left + 1, left_bytes + attempt.file.size_bytes
    return ForeignTrial(states, left, left_bytes)


def _sent(attempt: Attempt) -> SentFile:
    return SentFile(attempt.file.size_bytes, lambda kind: digest_of(attempt.file.blocks(), kind))


def _name_in(attempt: Attempt, name: str) -> str:
    """Return the file's name as the attempt sends it: in a form that may be another than in the URL."""
    found = attempt.head.partition(b'filename="')[2].partition(b'"')[0].decode(errors="replace")
    return found if attempt.form and found else name


def _state(copy: StoredCopy, attempt: Attempt, reply: Reply) -> ServerState:
    """Return what is stored as the oracle takes it: only a size, or only a digest, is enough."""
    if copy.size_bytes is None and copy.same is None:
        return ServerState()
    size_bytes = attempt.file.size_bytes if copy.size_bytes is None else copy.size_bytes
    return ServerState(size_bytes, "" if copy.same is False else reply.digest)


def _stored_though_refused(shelf: Shelf | None, reply: Reply, accepted: int) -> int | None:
    """Return how many files an upload without success has left; None if that is not known."""
    if shelf is None:
        return None if reply.status is None else 0
    end = time.monotonic() + SETTLE_SECONDS
    while (count := len(shelf.new_files()) - accepted) > 0 and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return max(0, count)


def judge_foreign(
    spec: TargetSpec, attempt: Attempt, reply: Reply, state: ServerState, seconds: float
) -> Judgement:
    """Judge an attempt; a success that cannot be read back is unknown, unless it had to be refused."""
    if not reply.accepted or spec.reads_back:
        return judge_attempt(attempt, reply, state, False, seconds)
    if attempt.must_refuse:
        return Judgement(Verdict.FAIL, "accepted-bad", f"{reply.status} for what had to be refused")
    if attempt.within_seconds is not None and seconds > attempt.within_seconds:
        text = f"{reply.status}, but not within {attempt.within_seconds:g} s"
        return Judgement(Verdict.FAIL, "late", text)
    return Judgement(Verdict.UNKNOWN, UNREAD, f"{reply.status}, but what is stored is not known")


def taken_kinds(target: Target, spec: TargetSpec) -> Taken:
    """Send a small plain body and a small form, and return which of them the server takes."""
    why, found, left = [], {}, 0
    for words, tried in {"a plain body": raw(TRIAL), "a form": form(TRIAL)}.items():
        if not spec.takes(tried.form):
            found[words] = False
            continue
        name = file_name()
        attempt = adapted(tried, target, spec, name)
        shelf = Shelf(spec.stored_dir) if spec.stored_dir else None
        reply = by_rule(send_attempt(named(target.url, name), attempt), spec)
        found[words] = reply.accepted
        left += settled(target, spec, [attempt], [reply], name, shelf).left
        if not reply.accepted:
            why.append(f"{words} got {reply.status or reply.problem} {reply.reason}".strip())
    return Taken(found["a plain body"], found["a form"], "; ".join(why), left)
