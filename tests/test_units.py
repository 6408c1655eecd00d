import pytest
from uploadlab.errors import UsageError
from uploadlab.units import format_seconds, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("1", 1), ("64MiB", 64 << 20), ("1GiB", 1 << 30), ("1.5KiB", 1536), ("2MB", 2_000_000), ("3 kib", 3072)],
)
def test_sizes_are_read(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "0", "0MiB", "64MiBs", "-1", "MiB", "1e3", "0.1"])
def test_what_is_no_size_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(UsageError, match="64MiB") as error:
        parse_size(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(1, "1 bytes"), (1 << 20, "1 MiB"), (256 << 20, "256 MiB"), (4 << 30, "4 GiB"), (1536, "1.5 KiB")],
)
def test_sizes_are_written(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text


def test_seconds_are_written() -> None:
    assert [format_seconds(value) for value in (0.4, 59, 185)] == ["0 s", "59 s", "3 min 05 s"]
