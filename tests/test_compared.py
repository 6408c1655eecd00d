"""How a failed comparison of long bytes is shown."""

import pytest

LONG = bytes(range(256)) * 2000


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (
            LONG,
            LONG[:-1],
            ["512000 bytes == 511999 bytes", r"from byte 511999 on: b'\xff'... is not the end"],
        ),
        (b"", LONG, ["from byte 0 on: the end is not b'\\x00"]),
        (LONG[:300] + b"?" + LONG[301:], bytearray(LONG), ["from byte 300 on: b'?", "is not b',"]),
        ([LONG, LONG], [LONG, b"short"], ["item 1 differs: 512000 bytes == 5 bytes"]),
        ((201, LONG), (413, LONG), ["item 0 differs: 201 is not 413"]),
        ([LONG], [LONG, LONG], ["1 items == 2 items"]),
    ],
)
def test_the_first_place_is_shown_in_two_lines(left: object, right: object, words: list[str]) -> None:
    with pytest.raises(AssertionError) as error:
        assert left == right
    shown = str(error.value)
    assert all(word in shown for word in words), shown
    assert len(shown.splitlines()) < 8


def test_all_else_is_shown_as_ever() -> None:
    with pytest.raises(AssertionError, match="Right contains one more item"):
        assert [b"few"] == [b"few", b"bytes"]
