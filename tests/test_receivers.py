import io
from collections.abc import Callable

import pytest
from multipart import MultipartError
from requests_toolbelt import MultipartEncoder
from upload_app import receivers
from upload_app.receivers import Body, BudgetSpent, Deadline, NoFilePart

BODIES = [b"", b"x", b"no newline " * 9000, b"\r\n" * 9000, b"\n", b"a\nb\r\n\n" * 5000]
RAW: list[Callable[..., None]] = [receivers.blocks, receivers.lines]


def received(receive: Callable[..., None], body: bytes, *more: object, budget_seconds: float = 9) -> bytes:
    file = io.BytesIO()
    receive(Body(io.BytesIO(body), Deadline(budget_seconds)), file, 1000, *more)
    return file.getvalue()


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
    assert received(receivers.multipart_push, content, boundary) == body


def test_a_form_without_the_file_is_refused() -> None:
    content, boundary = form(file="a field, not a file", other=("g", b"a file, but not the one"))
    with pytest.raises(NoFilePart):
        received(receivers.multipart_push, content, boundary)


@pytest.mark.parametrize("cut", [0, 10, 200, 5000])
def test_a_form_cut_short_is_refused(cut: int) -> None:
    content, boundary = form(file=("f", b"x" * 9000))
    with pytest.raises(MultipartError):
        received(receivers.multipart_push, content[:cut], boundary)


@pytest.mark.parametrize("receive", RAW)
def test_a_spent_budget_ends_a_raw_upload(receive: Callable[..., None]) -> None:
    with pytest.raises(BudgetSpent, match="budget of 0 s"):
        received(receive, b"line\n" * 10000, budget_seconds=0)


def test_a_spent_budget_ends_a_form() -> None:
    content, boundary = form(file=("f", b"x" * 9000))
    with pytest.raises(BudgetSpent):
        received(receivers.multipart_push, content, boundary, budget_seconds=0)
