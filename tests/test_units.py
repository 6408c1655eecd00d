import pytest
from uploadlab.errors import UsageError
from uploadlab.units import format_seconds, format_size, parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1", 1),
        ("64MiB", 64 << 20),
        ("1GiB", 1 << 30),
        ("1.5KiB", 1536),
        ("2MB", 2_000_000),
        ("3 kib", 3072),
        ("64M", 64 << 20),
        ("64m", 64 << 20),
        ("1G", 1 << 30),
        ("500k", 500 << 10),
        ("500K", 500 << 10),
        ("1.5G", 3 << 29),
        ("64 MiB", 64 << 20),
        ("64mb", 64_000_000),
        ("64 MB", 64_000_000),
        ("1Gi", 1 << 30),
        ("1T", 1 << 40),
        ("1TiB", 1 << 40),
        ("1tb", 10**12),
        (" 7B ", 7),
        ("7b", 7),
        ("1.5k", 1536),
    ],
)
def test_sizes_are_read(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0MiB",
        "64MiBs",
        "-1",
        "MiB",
        "1e3",
        "0.1",
        "M",
        "1iB",
        "1ib",
        "5X",
        "1MM",
        "1,5G",
        "0G",
        "9999999T",
    ],
)
def test_what_is_no_size_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(UsageError, match="64MiB") as error:
        parse_size(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(1, "1 byte"), (1 << 20, "1 MiB"), (256 << 20, "256 MiB"), (4 << 30, "4 GiB"), (1536, "1.5 KiB")],
)
def test_sizes_are_written(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("2MB/s", 2_000_000),
        ("1M/s", 1 << 20),
        ("500k/s", 500 << 10),
        ("1MiB/S", 1 << 20),
        ("8 MB/s", 8_000_000),
        ("64k", 1 << 16),
        ("10Mbit/s", 1_250_000),
        ("0.5 Gbit/s", 62_500_000),
    ],
)
def test_rates_are_read(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "/s", "1M/h", "fast", "2G/s", "0Mbit/s", "9Gbit/s", "1bit/s", "Mbit/s"])
def test_what_is_no_rate_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(UsageError, match="write") as error:
        parse_rate(text)
    assert repr(text) in str(error.value)


def test_seconds_are_written() -> None:
    assert [format_seconds(value) for value in (0.4, 59, 185)] == ["0 s", "59 s", "3 min 05 s"]
