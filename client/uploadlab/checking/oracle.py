"""The one oracle of the grid.

A success if and only if the stored bytes equal those sent. Otherwise an HTTP answer with a true reason
reached the client, and nothing is stored. Beside a crowd, the success also has to come in time.
"""

from http import HTTPStatus
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt
from uploadlab.checking.wire import Reply
from uploadlab.model.checks import Verdict

NO_SPACE = HTTPStatus.INSUFFICIENT_STORAGE
HUNG_UP = ("disconnected", "reset")
NOT_SEEN = "the server does not let the app know that the body"
"""What no app can notice; a digest that the client announces shows it all the same."""
MOST_SHOWN = 100
"""Characters of a server's own words."""


class ServerState(NamedTuple):
    """What the server has, once it is idle again. None: it does not report that."""

    size_bytes: int | None = None
    """Size of the upload that it acknowledged."""
    digest: str = ""
    uploads: int | None = None
    """How many more than before."""
    temporary: int | None = None
    """How many more files of unfinished uploads and spools than before."""


class Judgement(NamedTuple):
    """A verdict with its reason: a code for exceptions to match, a text for readers."""

    verdict: Verdict
    code: str = ""
    text: str = ""


def judge_attempt(
    attempt: Attempt, reply: Reply, state: ServerState, reports: bool = True, seconds: float = 0.0
) -> Judgement:
    """Judge an attempt that took that many seconds.

    ``reports`` says whether the server must report how many files it has.
    """
    if reply.accepted:
        return _accepted(attempt, reply, state, reports, seconds)
    code, words = _unaccepted(reply)
    if state.uploads:
        hidden = f": {NOT_SEEN} was cut" if attempt.is_cut and reports else ""
        return _fail(f"{code}-but-stored", f"{words}, but stored{hidden}")
    waits = not (reply.left or (attempt.may_hang_up and reply.broke in HUNG_UP))
    if waits and reply.status not in (*attempt.refusals, NO_SPACE):
        return _fail(code, words)
    if waits and (flaw := _flaw(attempt, reply)):
        return flaw
    if state.temporary:
        return _fail(f"{code}-left-temporary", f"{words}, and {state.temporary} temporary files stay")
    if state.uploads is None:
        verdict = Verdict.FAIL if reports else Verdict.UNKNOWN
        return Judgement(verdict, f"{code}-stored-unknown", f"{words}, and what is stored is not known")
    return Judgement(Verdict.PASS, text=str(reply.status or ""))


def _accepted(attempt: Attempt, reply: Reply, state: ServerState, reports: bool, seconds: float) -> Judgement:
    if state.size_bytes is None:
        return _fail("cannot-be-read-back", f"{reply.status}, but it cannot be read back")
    sent_bytes = attempt.file.size_bytes
    if (state.digest, state.size_bytes) != (reply.digest, sent_bytes):
        text = f"{reply.status}, {state.size_bytes} of {sent_bytes} bytes stored"
        if reports and attempt.is_cut and state.size_bytes:
            text += f": {NOT_SEEN} was cut"
        elif attempt.chunked and reply.content.get("framing") == "none":
            text += f": {NOT_SEEN} came in chunks"
        return Judgement(Verdict.LOSS, _loss_code(state.size_bytes, sent_bytes), text)
    if attempt.must_refuse:
        return _fail("accepted-bad", f"{reply.status} for what had to be refused")
    if attempt.within_seconds is not None and seconds > attempt.within_seconds:
        beside = f" beside {attempt.crowd.clients} {attempt.crowd.does} clients" if attempt.crowd else ""
        return _fail("late", f"{reply.status}, but not within {attempt.within_seconds:g} s{beside}")
    return Judgement(Verdict.PASS)


def _flaw(attempt: Attempt, reply: Reply) -> Judgement | None:
    """Return what is wrong with the answer of a refusal, apart from its status."""
    if not reply.reason:
        return _fail("no-reason", f"{reply.status} without a reason")
    if any(words in reply.reason.lower() for words in attempt.untrue_reasons):
        return _fail("untrue-reason", f"{reply.status} for an untrue reason: {reply.reason}"[:MOST_SHOWN])
    if attempt.refused_in_json and not reply.content:
        return _fail("no-json", f"{reply.status} {reply.reason}, not in JSON")
    name = attempt.required_headers.get(reply.status or 0, "")
    if name and name.lower() not in reply.header_names:
        return _fail(f"no-{name.lower()}", f"{reply.status} without {name}")
    return None


def _unaccepted(reply: Reply) -> tuple[str, str]:
    """Return the code and the words for a reply other than success."""
    if reply.status is None:
        code = f"no-answer-{reply.broke}".removesuffix("-")
        return "client-gone" if reply.left else code, f"no answer ({reply.problem})"
    words = f"{reply.status} {reply.reason}"[:MOST_SHOWN].strip()
    return f"status-{reply.status}", words + reply.by_whom


def _fail(code: str, text: str) -> Judgement:
    return Judgement(Verdict.FAIL, code, text)


def _loss_code(stored_bytes: int, sent_bytes: int) -> str:
    """Return the code of an acknowledged upload whose stored bytes differ from those sent."""
    if stored_bytes == 0:
        return "lost-all"
    if stored_bytes == sent_bytes:
        return "changed-bytes"
    return "lost-part" if stored_bytes < sent_bytes else "added-bytes"
