"""Reads and writes sizes. MB = 10^6 bytes; MiB = 2^20 bytes, and M too, as in ls and dd."""

import re

from uploadlab.errors import UsageError

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


MOST_BYTES = 1 << 62
MOST_RATE = 10**9
"""Bytes a second; the kernel's option holds no more than twice that."""
MOST = 100_000
"""Rounds, users, or seconds for one upload: more is a slip of the pen."""
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Return the bytes of ``64MiB``, ``64M`` (the same), ``64MB`` or ``1000``; raise UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT]?)(B?)|([KMGT])iB?)", text.strip(), re.IGNORECASE)
    size_bytes = 0.0
    if match:
        number, letter, is_decimal, binary_letter = match.groups()
        base = 1000 if is_decimal else 1024
        size_bytes = float(number) * base ** _POWERS[(letter or binary_letter or "").upper()]
    if not 1 <= size_bytes < MOST_BYTES:
        example = "write 64MiB, 64M for the same, 64MB for 64000000, or a number of bytes"
        raise UsageError(f"size {text!r} is not a number of bytes: {example}")
    return int(size_bytes)


def format_size(size_bytes: int) -> str:
    """``64 MiB`` where that is exact, ``1.5 MiB`` or so elsewhere."""
    for name, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.{3 if size_bytes < 1000 * factor else 4}g} {name}"
    return f"{size_bytes} byte" + "s" * (size_bytes != 1)


def format_exactly(size_bytes: int) -> str:
    """Return ``64MiB`` where that is exact, else the number of bytes, as the command line reads it."""
    return f"{size_bytes // MIB}MiB" if size_bytes % MIB == 0 else str(size_bytes)


def format_rate(bytes_per_second: float) -> str:
    """``2 MB/s``."""
    return f"{bytes_per_second / 1e6:.3g} MB/s"


def format_seconds(seconds: float) -> str:
    """``45 s``, ``3 min 05 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def parse_rate(text: str) -> int:
    """Return the bytes a second of ``2MB/s``, ``16Mbit/s`` (the same) or ``2MiB/s``; raise UsageError."""
    bits = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)bit/s", text.strip(), re.IGNORECASE)
    try:
        if bits:
            rate = int(float(bits[1]) * 1000 ** _POWERS[bits[2].upper()] / 8)
        else:
            rate = parse_size(re.sub(r"/s$", "", text.strip(), flags=re.IGNORECASE))
    except UsageError:
        rate = 0
    if rate < 1:
        example = "write 2MB/s, 16Mbit/s for the same, or 2M/s for 2MiB/s"
        raise UsageError(f"rate {text!r} is not a number of bytes a second: {example}")
    if rate > MOST_RATE:
        raise UsageError(f"rate {text!r} is more than {format_rate(MOST_RATE)}: write a slower one")
    return rate


def positive(name: str, value: float) -> None:
    """Raise UsageError unless the value is above 0 and within reason."""
    if not 0 < value <= MOST:
        raise UsageError(f"{name} must be above 0 and at most {MOST}, not {value:g}")
