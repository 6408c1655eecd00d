"""The one oracle of the grid.

A success if and only if the stored bytes equal those sent. Otherwise an HTTP answer with a true reason
reached the client, and nothing is stored.
"""

from http import HTTPStatus
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt
from uploadlab.checking.wire import Reply
from uploadlab.model.checks import Verdict

NO_SPACE = HTTPStatus.INSUFFICIENT_STORAGE
MOST_SHOWN = 100
"""Characters of a server's own words."""


class Stored(NamedTuple):
    """What the server has, once it is idle again. None: it does not tell."""

    size_bytes: int | None = None
    """Of the upload that it acknowledged."""
    digest: str = ""
    uploads: int | None = None
    """How many more than before."""
    temporary: int | None = None
    """Files of unfinished uploads and spools."""


class Judgement(NamedTuple):
    """A verdict, and what happened."""

    verdict: Verdict
    text: str = ""


PASS = Judgement(Verdict.PASS)


def judge(attempt: Attempt, reply: Reply, stored: Stored, tells: bool = True) -> Judgement:
    """What came of an attempt; whether the server is one that ``tells`` how many files it has."""
    if reply.accepted:
        judgement = _accepted(attempt, reply, stored)
    else:
        judgement = _answered(attempt, reply)
        if stored.uploads:
            judgement = _fail(f"{_shown(reply)}, but stored")
    if judgement.verdict is not Verdict.PASS or reply.accepted:
        return judgement
    if stored.temporary:
        return _fail(f"{_shown(reply)}, and {stored.temporary} temporary files stay")
    if stored.uploads is None:
        text = f"{_shown(reply)}, and what is stored is not known"
        return _fail(text) if tells else Judgement(Verdict.UNKNOWN, text)
    return judgement


def _accepted(attempt: Attempt, reply: Reply, stored: Stored) -> Judgement:
    if stored.size_bytes is None:
        return _fail(f"{reply.status}, but it cannot be read back")
    arrived = stored.digest == reply.digest and stored.size_bytes == attempt.file.size_bytes
    if attempt.must_refuse and arrived:
        return _fail(f"{reply.status} for what had to be refused")
    if arrived:
        return PASS
    stored_of = f"{stored.size_bytes} of {attempt.file.size_bytes} bytes stored"
    return Judgement(Verdict.LOSS, f"{reply.status}, {stored_of}")


def _answered(attempt: Attempt, reply: Reply) -> Judgement:
    """What the client learned."""
    if reply.status is None:
        return PASS if reply.left else _fail(_shown(reply))
    if reply.status not in (*attempt.refusals, NO_SPACE):
        return _fail(_shown(reply))
    if not reply.reason:
        return _fail(f"{reply.status} without a reason")
    return Judgement(Verdict.PASS, str(reply.status))


def _shown(reply: Reply) -> str:
    if reply.status is None:
        return f"no answer ({reply.problem})"
    return f"{reply.status} {reply.reason}"[:MOST_SHOWN].strip()


def _fail(text: str) -> Judgement:
    return Judgement(Verdict.FAIL, text)
