"""Limits that platforms publish."""


def platform_matches(kind: str, value: float) -> list[str]:
    """Return the platforms with such a limit."""
    return []
