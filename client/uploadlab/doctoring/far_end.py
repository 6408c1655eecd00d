"""The far end as a file to mount."""


def printed_probe() -> str:
    """Return it."""
    return ""
