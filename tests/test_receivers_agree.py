"""Any body in any pieces: the same stored bytes, or the same refusal, from every receiver.

Forms are those of RFC 7578. Beyond it two parsers need not agree: Werkzeug takes a bare CR or LF for the
end of a line and keeps what stands around the parts in memory; `multipart` does neither, and refuses a
boundary within a line of the preamble, a part without a line break after its head, and a ninth header.
"""

import io
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from flask import Flask
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from upload_app.app import create_app
from upload_app.settings import Settings
from uploadlab.catalogue.methods import METHODS
from werkzeug.exceptions import BadRequest

from .forms import AROUND, CHUNKED, FILE, MORE, REFUSED, SIZES, Form, contents, forms

pytestmark = pytest.mark.slow

# The same examples in every run: what fails is the change's fault and not the day's.
EXAMPLES = settings(derandomize=True, deadline=None)
FORM_ROUTES = sorted({method.route for method in METHODS.values() if method.form})
RAW_ROUTES = sorted({method.route for method in METHODS.values() if not (method.form or method.hops)})


class Pieces(io.RawIOBase):
    """A server's input that hands out a body in pieces which end at the given places."""

    def __init__(self, body: bytes, cuts: list[int], error: Exception | None = None) -> None:
        ends = {len(body), *(cut for cut in cuts if 0 < cut < len(body))} - {0}
        self._ends, self._at = sorted(ends, reverse=True), 0
        self._body = memoryview(body)  # or each byte that is read alone would copy all that comes after it
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._ends:
            if self._error:
                raise self._error
            return 0
        begin, end = self._at, min(self._at + len(buffer), self._ends[-1])
        buffer[: end - begin] = self._body[begin:end]
        if end == self._ends[-1]:
            self._ends.pop()
        self._at = end
        return end - begin


class Reads:
    """The same with read() alone, so that each piece reaches the app as it is."""

    def __init__(self, pieces: Pieces) -> None:
        self.read, self.readline = pieces.read, pieces.readline


class Site(NamedTuple):
    """The app and the folder of its uploads."""

    app: Flask
    folder: Path

    def outcomes(self, routes: list[str], body: Callable[[], Pieces], **environ: Any) -> set[bytes | int]:
        """What the routes make of a body: the bytes stored, or the status of a refusal."""
        kind = Reads if "wsgi.input_terminated" in environ else lambda pieces: pieces
        return {self._outcome(route, {**environ, "wsgi.input": kind(body())}) for route in routes}

    def _outcome(self, route: str, environ: dict[str, Any]) -> bytes | int:
        answer = self.app.test_client().post(route, environ_overrides=environ)
        left = [path for path in self.folder.rglob("*") if path.is_file()]
        if answer.status_code != 201:
            assert list(answer.get_json()) == ["error"]
            assert left == []
            return answer.status_code
        assert left == [self.folder / answer.get_json()["id"]]
        stored = left[0].read_bytes()
        left[0].unlink()
        assert answer.get_json()["size_bytes"] == len(stored)
        return stored


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("data")
    return Site(
        create_app(Settings.from_environment({"DATA_DIR": str(folder), "STRICT_FRAMING": "1"})), folder
    )


def outcomes(site: Site, form: Form) -> set[bytes | int]:
    """What all receivers make of a form, told to --hypothesis-show-statistics."""
    found = site.outcomes(FORM_ROUTES, lambda: Pieces(form.body, form.cuts), **form.environ())
    for outcome in found:
        if isinstance(outcome, bytes):
            event(f"stored: at least {max(size for size in SIZES if size <= len(outcome))} bytes")
        else:
            event(f"refused: {outcome}")
    mark = b"--" + form.boundary.encode()
    last = form.body.rfind(mark + b"--")
    event(
        f"a read ends within the last delimiter: {any(-2 < cut - last < len(mark) + 2 for cut in form.cuts)}"
    )
    return found


def of(*lines: bytes, cuts: tuple[int, ...] = (), expected: bytes | int = b"") -> Form:
    body = b"\r\n".join(lines)
    return Form("x", body, expected, [cut % len(body) for cut in cuts])


@example(of(b"--x", FILE.head, b"", b"", b"--x--", b"", cuts=(-3,)))
@example(of(b"--x", FILE.head.replace(b'="f"', b"*=utf-8''f"), b"", b"a", b"--x--", expected=b"a"))
@given(forms())
@settings(EXAMPLES, max_examples=300)
def test_a_form_is_stored_alike_by_all_receivers(site: Site, form: Form) -> None:
    assert outcomes(site, form) == {form.expected}


@pytest.mark.parametrize("line", [b"a\n--x--b", b"a\r--x--b", b"a\n--x\r\n" + FILE.head + b"\r\n\r\nb"])
@given(cut=st.integers(0, 300))
@EXAMPLES
def test_a_file_with_its_boundary_in_it_is_stored_whole(site: Site, line: bytes, cut: int) -> None:
    form = of(b"--x", FILE.head, b"", line, b"--x--", cuts=(cut,), expected=line)
    assert outcomes(site, form) == {line}


@pytest.mark.parametrize("flaw", [*MORE, *AROUND])
@given(data=st.data())
@settings(EXAMPLES, max_examples=25)
def test_a_form_at_its_limits_or_beyond_is_treated_alike_by_all_receivers(
    site: Site, flaw: str, data: st.DataObject
) -> None:
    form = data.draw(forms(flaw))
    found = outcomes(site, form)
    assert found == {form.expected} or (form.expected == REFUSED and found <= {400, 413})


class Raw(NamedTuple):
    """A raw body on its way."""

    body: bytes
    cuts: list[int]
    missing: int = 0

    def pieces(self, error: Exception | None = None) -> Pieces:
        return Pieces(self.body, self.cuts, error)


@st.composite
def raws(draw: st.DrawFn) -> Raw:
    body = draw(contents(most=70_000))
    return Raw(body, draw(st.lists(st.integers(0, len(body)), max_size=9)), draw(st.integers(1, 9)))


@given(raws())
@settings(EXAMPLES, max_examples=40)
def test_a_raw_body_is_stored_as_it_is_by_all_receivers(site: Site, raw: Raw) -> None:
    length = {"CONTENT_LENGTH": str(len(raw.body))}
    for framing in (length, CHUNKED, {**length, "wsgi.input_terminated": True}):
        assert site.outcomes(RAW_ROUTES, raw.pieces, **framing) == {raw.body}


@given(raws())
@settings(EXAMPLES, max_examples=40)
def test_a_raw_body_that_breaks_off_is_refused_by_all_receivers(site: Site, raw: Raw) -> None:
    length = {"CONTENT_LENGTH": str(len(raw.body) + raw.missing)}
    for framing in (length, {**length, "wsgi.input_terminated": True}):
        assert site.outcomes(RAW_ROUTES, raw.pieces, **framing) == {400}
    for error in (OSError("gone"), ValueError("no chunk size"), EOFError()):
        assert site.outcomes(RAW_ROUTES, partial(raw.pieces, error), **CHUNKED) == {400}


@pytest.fixture(scope="module")
def uwsgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module that exists only inside uWSGI, and what its WSGI entry needs to be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(tmp_path_factory.mktemp("uwsgi")))
        patch.setitem(sys.modules, "uwsgi", module := ModuleType("uwsgi"))
        client, connection = socket.socketpair()  # on which nothing follows the last chunk
        with client, connection:
            vars(module)["connection_fd"] = connection.fileno
            yield module
        patch.delitem(sys.modules, "upload_app.uwsgi_body", raising=False)


def decoded(uwsgi: ModuleType, chunks: list[bytes], error: Exception | None = None) -> io.BufferedReader:
    """The body that the app gets of chunks."""
    from upload_app.uwsgi_body import TerminatedInput

    left = iter(chunks)

    def chunked_read() -> bytes:
        if (chunk := next(left, b"")) or not error:
            return chunk
        raise error

    vars(uwsgi)["chunked_read"] = chunked_read
    environ: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked"}
    TerminatedInput(lambda *_: [])(environ, lambda *_: None)
    body: io.BufferedReader = environ["wsgi.input"]
    return body


CHUNKS = st.lists(contents(most=200_000).filter(bool), max_size=6)
BLOCK_BYTES = st.one_of(st.integers(1, 100), st.integers(60_000, 70_000))


@given(CHUNKS, BLOCK_BYTES)
@settings(EXAMPLES, max_examples=100)
def test_chunks_of_uwsgi_are_one_body(uwsgi: ModuleType, chunks: list[bytes], block_bytes: int) -> None:
    body = decoded(uwsgi, chunks)
    assert b"".join(iter(lambda: body.read(block_bytes), b"")) == b"".join(chunks)
    assert list(decoded(uwsgi, chunks)) == list(io.BytesIO(b"".join(chunks)))


@given(CHUNKS, BLOCK_BYTES)
@settings(EXAMPLES, max_examples=30)
def test_chunks_of_uwsgi_that_break_off_are_no_body(
    uwsgi: ModuleType, chunks: list[bytes], block_bytes: int
) -> None:
    body = decoded(uwsgi, chunks, OSError("gone"))
    with pytest.raises(BadRequest):
        list(iter(lambda: body.read(block_bytes), b""))
    with pytest.raises(BadRequest):
        list(decoded(uwsgi, chunks, OSError("gone")))
