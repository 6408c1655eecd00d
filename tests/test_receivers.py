import io
from collections.abc import Callable
from typing import Any, cast

import pytest
from multipart import MultipartError
from requests_toolbelt import MultipartEncoder
from upload_app import receivers
from upload_app.body import Body, BrokenBody, BudgetSpent, Deadline
from upload_app.one_file import FormRefused
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

BODIES = [b"", b"x", b"no newline " * 9000, b"\r\n" * 9000, b"\n", b"a\nb\r\n\n" * 5000]
RAW: list[Callable[..., None]] = [receivers.receive_blocks, receivers.receive_lines]


def received(receive: Callable[..., None], body: bytes, *more: object, budget_seconds: float = 60) -> bytes:
    file = io.BytesIO()
    receive(Body(io.BytesIO(body), Deadline(budget_seconds)), file, 1000, *more)
    return file.getvalue()


class Wire(io.RawIOBase):
    """A raw stream, as sockets are: it gives as much as has come, and what it has comes in odd pieces."""

    def __init__(self, body: bytes, error: Exception | None = None) -> None:
        self.left, self.error = memoryview(body), error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.left and self.error:
            raise self.error
        piece = self.left[: min(len(buffer), 777)]
        buffer[: len(piece)] = piece
        self.left = self.left[len(piece) :]
        return len(piece)


class OnlyReads:
    """All that PEP 3333 promises of an input, as far as blocks go."""

    def __init__(self, body: bytes) -> None:
        self.read = io.BytesIO(body).read


def streams(body: bytes) -> list[Any]:
    """A body as servers give it: raw, behind Werkzeug's limit, buffered, and with read() alone."""
    limited = LimitedStream(io.BufferedReader(Wire(body + b"the next request")), len(body))
    return [Wire(body), limited, io.BufferedReader(Wire(body)), OnlyReads(body)]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", range(4))
def test_blocks_arrive_whole_from_whatever_a_server_gives(kind: int, body: bytes) -> None:
    file = io.BytesIO()
    receivers.receive_blocks(Body(streams(body)[kind], Deadline(60)), file, 1000)
    assert file.getvalue() == body


def test_blocks_of_a_raw_stream_share_one_buffer() -> None:
    blocks = list(Body(cast(Any, Wire(b"ab" * 5000)), Deadline(60)).blocks(1000))
    assert len({id(cast(memoryview, block).obj) for block in blocks}) == 1


@pytest.mark.parametrize(
    "wrap", [lambda wire: wire, lambda wire: LimitedStream(wire, 9999), io.BufferedReader]
)
@pytest.mark.parametrize("size", [500, 1000, 2500])
def test_a_raw_stream_that_breaks_is_never_taken_for_its_end(wrap: Callable[[Any], Any], size: int) -> None:
    wire = Wire(b"x" * size, OSError("reset"))
    with pytest.raises((BrokenBody, ClientDisconnected)):
        receivers.receive_blocks(Body(wrap(wire), Deadline(60)), io.BytesIO(), 1000)


def form(**parts: object) -> tuple[bytes, str]:
    encoder = MultipartEncoder(parts)
    return encoder.read(), encoder.boundary_value


@pytest.mark.parametrize("receive", RAW)
@pytest.mark.parametrize("body", BODIES)
def test_a_raw_body_arrives_as_it_is(receive: Callable[..., None], body: bytes) -> None:
    assert received(receive, body) == body


@pytest.mark.parametrize("body", BODIES)
def test_the_file_of_a_form_arrives_as_it_is(body: bytes) -> None:
    content, boundary = form(before="text", file=("f", body), after=("g", b"other"))
    assert received(receivers.receive_pushed_form, content, boundary) == body


def test_a_form_without_the_file_is_refused() -> None:
    content, boundary = form(file="a field, not a file", other=("g", b"a file, but not the one"))
    with pytest.raises(FormRefused):
        received(receivers.receive_pushed_form, content, boundary)


@pytest.mark.parametrize("cut", [0, 10, 200, 5000])
def test_a_form_cut_short_is_refused(cut: int) -> None:
    content, boundary = form(file=("f", b"x" * 9000))
    with pytest.raises(MultipartError):
        received(receivers.receive_pushed_form, content[:cut], boundary)


@pytest.mark.parametrize("receive", RAW)
def test_a_spent_budget_ends_a_raw_upload(receive: Callable[..., None]) -> None:
    with pytest.raises(BudgetSpent, match="budget of 0 s"):
        received(receive, b"line\n" * 10000, budget_seconds=0)


def test_a_spent_budget_ends_a_form() -> None:
    content, boundary = form(file=("f", b"x" * 9000))
    with pytest.raises(BudgetSpent):
        received(receivers.receive_pushed_form, content, boundary, budget_seconds=0)
