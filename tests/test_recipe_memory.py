"""Memory of the form recipes: it does not grow with the parts, names, heads or bytes that a client sends."""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

import pytest
import requests
from uploadlab.units import MIB

from .recipes import RECEIVE, Recipe, is_form, running

pytestmark = pytest.mark.slow

FORMS = [title for title in RECEIVE if is_form(title)]
SENT_BYTES = 96 * MIB
MOST_GROWTH_BYTES = SENT_BYTES // 2
"""A part with very many headers takes 35 MiB while it is read, whatever comes after it."""
KIND = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbytes\r\n'
END = b"--x--\r\n"


class Body(NamedTuple):
    """What is sent first, then again and again with a number, and at last."""

    first: bytes
    again: bytes
    last: bytes
    statuses: tuple[int, ...]


def field(name: bytes, headers: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"\r\n' + headers + b"\r\n"


FILLER = b"%d" + bytes(MIB)
OPEN = field(b"n")[:-2]
"""A part whose head goes on."""
REFUSED = (400, 413)
BODIES = {
    "tiny parts": Body(b"", field(b"n%d") + b"\r\n", FILE + END, (413,)),
    "parts with an empty filename": Body(b"", field(b'n%d"; filename="') + b"\r\n", FILE + END, (413,)),
    "parts with long names": Body(b"", field(b"n%d" + b"n" * 3000) + b"\r\n", FILE + END, (413,)),
    "parts with many headers": Body(b"", field(b"n%d", b"X: y\r\n" * 5) + b"\r\n", FILE + END, (413,)),
    "a long field": Body(field(b"n"), FILLER, b"\r\n" + FILE + END, (201,)),
    "a long name": Body(OPEN[:-3], FILLER, b'"\r\n\r\n' + FILE + END, REFUSED),
    "headers without an end": Body(OPEN, b"X%d: y\r\n", b"\r\n\r\n" + FILE + END, REFUSED),
    "a header without an end": Body(OPEN + b"X: ", FILLER, b"\r\n\r\n\r\n" + FILE + END, REFUSED),
    "bytes before the first boundary": Body(b"", FILLER, b"\r\n" + FILE + END, (201, *REFUSED)),
    "bytes after the last boundary": Body(FILE + END, FILLER, b"", (201,)),
    "parts with long heads": Body(
        b"", field(b"n%d", b"X: y\r\n" * 150_000) + b"\r\n", FILE + END, (201, *REFUSED)
    ),
    "second files": Body(FILE, FILE.replace(b"bytes", b"%d"), END, (400,)),
    "a file of line breaks": Body(FILE[:-2], b"\r%d" + b"\r" * MIB, b"\r\n" + END, (201,)),
}


def blocks(body: Body) -> Iterator[bytes]:
    """The body in blocks of about a MiB, with a number in each repetition."""
    yield body.first
    sent, numbers = 0, count()
    at_once = MIB // len(body.again) + 1
    while sent < SENT_BYTES:
        block = b"".join(body.again.replace(b"%d", b"%d" % number) for number in islice(numbers, at_once))
        sent += len(block)
        yield block
    yield body.last


@pytest.fixture(scope="module", params=FORMS)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """Each server of forms in turn, with the limit of the page."""
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "a", request.param, **{"10 << 30": "10 << 30"})
    with running(recipe, request.param):
        yield recipe


@pytest.mark.parametrize("name", BODIES)
def test_memory_does_not_grow_with_a_form(large: Recipe, name: str) -> None:
    body = BODIES[name]
    before = large.peak_bytes()
    assert before > 0
    try:
        answer = requests.post(large.url, blocks(body), headers=KIND, timeout=600)
        assert answer.status_code in body.statuses, answer.text
    except requests.ConnectionError:  # refused, and not waited for to the end
        assert body.statuses != (201,)
    assert large.peak_bytes() - before < MOST_GROWTH_BYTES
    for path in large.stored():
        path.unlink()
