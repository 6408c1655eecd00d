"""Returns the time of day, as records hold it."""

from datetime import UTC, datetime


def now() -> str:
    """Return the time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
