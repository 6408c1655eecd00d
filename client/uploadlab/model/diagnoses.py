"""What the doctor says: findings, each with its cause, and how sure it is of the cause."""

from enum import StrEnum

from msgspec import Struct


class Weight(StrEnum):
    """How much a finding matters, the worst first."""

    LOSS = "loss"
    """Bytes are lost although the server says success."""
    PROBLEM = "problem"
    """Uploads fail that should arrive."""
    NOTE = "note"
    """Good to know: a limit that is far away, a way of working with a price."""


class Confidence(StrEnum):
    """How sure the cause is, the surest first."""

    PROVEN = "proven"
    """The far end, a config or a log shows it."""
    LIKELY = "likely"
    POSSIBLE = "possible"


class KnownCause(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A setting of a hop, or its lack, that limits, buffers or loses uploads: an entry of causes.toml."""

    id: str
    """HOP.SETTING: ``nginx.client_max_body_size``; the hop ``app`` is the user's own code."""
    effect: str
    """What it does to uploads: one of ``EFFECTS``."""
    says: str
    """What it does, in a sentence."""
    default: str = ""
    """The value without a line of config, with its unit; empty: off, or none."""
    fix: str
    """Lines to paste."""
    where: str = ""
    """Which file or block they belong to."""
    finding: str = ""
    """The anchor in docs/findings.md, or a page with one: ``servers.md#...``."""
    source: str = ""
    """The address of the documentation."""
    checked: str = ""
    """The day on which the source was read: 2026-11-27."""

    @property
    def hop(self) -> str:
        """What has the setting: ``nginx``."""
        return self.id.partition(".")[0]

    @property
    def setting(self) -> str:
        """The setting's name: ``client_max_body_size``."""
        return self.id.partition(".")[2]


EFFECTS = {
    "size": "limits the size of a body",
    "head": "limits the size of headers",
    "silence": "ends uploads that pause",
    "duration": "ends uploads that take long",
    "rate": "ends or slows uploads below or above a rate",
    "chunked": "loses or refuses bodies without a length",
    "framing": "loses or changes bodies in other ways",
    "buffering": "collects the whole body before the app gets it",
    "spool": "cannot write a body to its disk",
    "early": "hides a refusal behind a reset",
    "form": "refuses a form, or a field of it",
    "method": "refuses the request's method or type",
    "redirect": "answers with a redirect that drops the body",
    "login": "wants a login",
    "window": "slows uploads over HTTP/2 by a small window",
    "waiting": "keeps uploads waiting: a full queue, a busy worker",
    "answer": "ends requests whose answer takes long",
    "tls": "fails in TLS",
    "app": "is a fault of the app itself",
}


class Alternative(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else a finding could come from, and the one test that tells the two apart."""

    cause: str
    test: str


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the doctor has found."""

    symptom: str
    """What goes wrong, as a sentence without a full stop."""
    weight: Weight
    cause: str
    """The id of the most likely cause."""
    confidence: Confidence
    evidence: list[str]
    """What was seen, the most telling first."""
    others: list[Alternative] = []
    """What else it could be, the likelier first."""
    matches: list[str] = []
    """Platforms that publish the same limit: names with addresses. A match proves nothing."""
    fix: str = ""
    """Lines to paste, where they need a value; empty: the cause's own."""
    place: str = ""
    """Of a config or a log: ``nginx.conf:12``."""
    is_logged: bool = False
    """Whether the place is a line of a log, so that the fix belongs elsewhere."""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """What the doctor says in all."""

    subject: str
    """The URL, or the files."""
    hops: list[str] = []
    """What identifies itself on the way, outermost first: ``nginx 1.22.1``, ``uwsgi``."""
    findings: list[Finding] = []
    """The worst first, and of those the surest."""
    facts: list[str] = []
    """What works, and what was measured."""
    unasked: list[str] = []
    """What was not found out, and why."""
    left: list[str] = []
    """Names of uploads that may still be on the server."""
