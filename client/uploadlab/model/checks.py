"""The words of the compatibility grid as types. Nothing here does anything."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """What the oracle says of an attempt to upload."""

    PASS = "pass"  # noqa: S105  no password
    """Every byte, or a clear no."""
    FAIL = "fail"
    LOSS = "silent loss"
    """The server said success, and has not what was sent."""
    UNKNOWN = "unknown"
    """A foreign server does not tell what it has stored."""
    UNAVAILABLE = "unavailable"
    """Nothing could be tried."""


class Check(Struct, frozen=True, kw_only=True):
    """One line of checks.jsonl: one attempt of a case at one route of a target."""

    case: str
    deployment: str
    route: str
    label: str
    """Which of the case's attempts."""
    started_at: str
    verdict: Verdict
    text: str
    """What happened."""
    http_status: int | None = None
    sent_bytes: int | None = None
    """Of the file."""
    stored_bytes: int | None = None
    """Of the upload that was acknowledged."""

    @property
    def what(self) -> str:
        """The attempt in words."""
        return f"{self.route}, {self.label}" if self.label else self.route


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of configs/exceptions.toml: where a server falls short of the oracle, and no config helps."""

    name: str
    cases: list[str]
    deployments: list[str]
    shows: list[str]
    """The attempt's text is one of these, ``*`` for any part of it."""
    reason: str
    mend: str
    """The setting that mends it, and at what price."""
