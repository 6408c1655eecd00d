"""A form in pieces: what the client sends, and how the app takes it apart, wherever its blocks end."""

import io
from collections.abc import Iterator

import pytest
from requests_toolbelt import MultipartEncoder
from upload_app.form_body import MOST_HEAD_BYTES, FormBody, HeadTooLong
from uploadlab.catalogue.sent_form import SentForm

BOUNDARY = "0101"
MARK = b"\r\n--0101"
HEAD = b'\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
CONTENTS = [b"", b"a", b"\r", b"\r\n--010", b"\n--0101--", b"\r\n\r\n", b"\r\n" * 30 + b"\r\r\n--0"]


def sent(field: str, name: str, others: list[tuple[str, str]], content: bytes) -> SentForm:
    return SentForm(io.BytesIO(content), len(content), BOUNDARY, field, name, others)


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 5000])
@pytest.mark.parametrize("others", [[], [("a", "b\r\nc"), ('ü"', "")]])
@pytest.mark.parametrize(("field", "name"), [("file", "upload.bin"), ('fi"eld', 'na"me\r\nü.bin')])
def test_the_client_sends_what_an_encoder_of_forms_does(
    field: str, name: str, others: list[tuple[str, str]], content: bytes
) -> None:
    form = sent(field, name, others, content)
    file = (name, io.BytesIO(content), "application/octet-stream")
    encoder = MultipartEncoder([*others, (field, file)], BOUNDARY)
    assert (form.len, form.content_type) == (encoder.len, encoder.content_type)
    assert b"".join(iter(lambda: form.read(700), b"")) == encoder.read()


def blocks(body: bytes, size: int, reused: bool) -> Iterator[bytes | memoryview]:
    """Each valid until the next only, as of a server that fills one buffer, or for itself."""
    buffer = bytearray(size)
    for at in range(0, len(body), size):
        block = body[at : at + size]
        buffer[:] = block.ljust(size, b"!")
        yield memoryview(buffer)[: len(block)] if reused else block


def taken_apart(body: Iterator[bytes | memoryview]) -> list[bytes]:
    """Its contents and heads, one after the other."""
    form, found = FormBody(body, BOUNDARY), []
    while not form.is_over:
        found += [b"".join(map(bytes, form.content())), form.head()]
    return found


@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("content", CONTENTS)
def test_a_form_is_taken_apart_alike_wherever_its_blocks_end(content: bytes, reused: bool) -> None:
    body = b"preamble" + MARK + HEAD + content + MARK + b" \t" + HEAD + b"2" + MARK + b"--" + MARK + HEAD
    expected = [b"\r\npreamble", MARK + HEAD, content, MARK + b" \t" + HEAD, b"2", MARK + b"--"]
    for size in range(1, len(body) + 1):
        assert taken_apart(blocks(body, size, reused)) == expected


@pytest.mark.parametrize("reused", [False, True])
def test_a_form_that_ends_early_is_over_without_its_last_delimiter(reused: bool) -> None:
    body = MARK[2:] + HEAD + b"content" + MARK + b"-"
    for size in range(1, len(body) + 1):
        assert taken_apart(blocks(body, size, reused))[-1] == MARK + b"-"
        assert b"".join(taken_apart(blocks(body[:-9], size, reused))) == b"\r\n" + body[:-9]


def test_a_head_without_an_end_is_not_kept_in_memory() -> None:
    endless = iter([MARK, *[b"a: b\r\n" * 30_000] * (MOST_HEAD_BYTES // 100_000)])
    with pytest.raises(HeadTooLong):
        taken_apart(endless)
    assert next(endless)  # it was not read to its end
