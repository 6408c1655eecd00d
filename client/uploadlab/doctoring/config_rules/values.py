"""Sizes and times as configs write them, in the units of each language. None: no number, but a variable."""

import re

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(i?)([bB]?)")
TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h|d|w|M|y)?")
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
SECONDS |= {"d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536000.0}
MOST_LETTERS = 40
"""Of a number with its unit; more is none."""


def config_size(text: str, decimal: bool = False) -> int | None:
    """Return the bytes of ``1m`` or ``10GiB``; decimal: ``10MB`` are 10^7, as for Caddy, else 2^20 each."""
    match = SIZE.fullmatch(text.strip()[:MOST_LETTERS])
    if not match:
        return None
    number, letter, binary, _ = match.groups()
    base = 1000 if decimal and not binary else 1024
    return int(float(number) * base ** POWERS[letter.lower()])


def time_of(text: str, unit: str = "s") -> float | None:
    """Return the seconds of ``60``, ``1m30s`` or ``1h 30m``; a bare number is in this unit."""
    text = text.strip()[:MOST_LETTERS]
    found = TIME.findall(text)
    if not found or TIME.sub("", text).strip():
        return None
    return sum(float(number) * SECONDS[letters or unit] for number, letters in found)


def number_of(text: str) -> int | None:
    """Return a whole number, as it stands."""
    text = text.strip().replace("_", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_LETTERS else None
