"""The compatibility grid as types: verdicts, attempts and their known exceptions."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """What the oracle says of an attempt to upload, the worst last of those that say how it ended."""

    PASS = "pass"  # noqa: S105  no password
    """Every byte arrived, or the refusal was clear."""
    CANNOT = "cannot"
    """A client has no such upload."""
    DOCUMENTED = "documented"
    """A client reports success without the bytes, as the standard for HTTP allows."""
    FAIL = "fail"
    ENDLESS = "endless"
    """A client did not end, so it was ended."""
    LOSS = "silent loss"
    """Success was reported, but the server has other bytes than were sent."""
    UNKNOWN = "unknown"
    """A server of the user's does not report what it has stored."""
    UNAVAILABLE = "unavailable"
    """The target could not be tried."""


UNREAD = "stored-unknown"
"""The code of an upload that a server of the user's accepted, and that cannot be read back."""


class Check(Struct, frozen=True, kw_only=True):
    """One line of checks.jsonl: one attempt of a case at one route of a target.

    Of a check of clients, one attempt of a case by one way of a client, at a server that misbehaves.
    """

    case: str
    deployment: str
    """Or the client: ``httpx``."""
    route: str
    """Or the client's way: ``form-docs``."""
    label: str
    """Which of the case's attempts."""
    started_at: str
    verdict: Verdict
    code: str = ""
    """What happened, as a word that exceptions are matched by; empty for a pass."""
    text: str
    """What happened, for readers."""
    http_status: int | None = None
    """What the client reports."""
    sent_bytes: int | None = None
    """Size of the file."""
    stored_bytes: int | None = None
    """Size of the upload that was acknowledged; of a client's, what the server has of the file."""
    seconds: float | None = None
    """Of a limit: until the server ended the connection, or while its app had the upload.

    None: the server did not end the connection, or does not say.
    """
    stopped_by: int | None = None
    """How many slow clients keep the server from answering another; None: all that were tried do not."""
    in_app: int | None = None
    """How many of the slow clients that do not stop it have an upload in its app; None: not known."""
    left: int = 0
    """Uploads that a server of the user's accepted, and that the lab has not removed."""
    left_bytes: int = 0


class KnownException(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of configs/exceptions.toml: where a server fails the oracle, and its config cannot help."""

    name: str
    cases: list[str]
    deployments: list[str]
    codes: list[str]
    """The codes of the attempts that it covers."""
    reason: str
    fix: str
    """The setting that fixes it, and its price."""
