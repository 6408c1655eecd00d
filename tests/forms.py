"""Forms that browsers and HTTP libraries send, and how they go wrong: strategies for hypothesis."""

import random
import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

FIELD_BYTES, PARTS = 500_000, 1000  # Flask's limits for a form
REFUSED = 0
"""Expected is 400, or 413: Werkzeug keeps what is no part yet in memory, and a form may have two mistakes."""
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
RUNS = [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\n\r\n", b"\r\r\n", b"-", b"--", b"\r\n--"]
SIZES = [0, 0, 0, 1000, 65_400, 200_000, 511_900, 700_000]
MOST_CR_LF = bytes(b"\r\n-a"[value % 4] for value in range(256))


@st.composite
def contents(draw: st.DrawFn, mark: bytes = b"--x", most: int = 5000) -> bytes:
    """Bytes that look like the end of a part. Over 512,000 Werkzeug spools them to the disk."""
    look_alikes = st.integers(0, len(mark) - 1).map(lambda count: b"\r\n" + mark[:count])
    pieces = st.one_of(st.binary(max_size=30), st.sampled_from([*RUNS, b"a" + mark + b"--\r\n"]), look_alikes)
    runs = st.lists(pieces, max_size=5).map(b"".join)
    size = draw(st.sampled_from([size for size in SIZES if size <= most]))
    noise = random.Random(size).randbytes(size + draw(st.integers(0, 200)) if size else 0)
    content = draw(runs) + (noise.translate(MOST_CR_LF) if draw(st.booleans()) else noise) + draw(runs)
    # After CR LF the boundary ends the part (RFC 2046, 5.1.1); after one of them it does for Werkzeug alone.
    assume(not re.search(rb"[\r\n]" + re.escape(mark), b"\n" + content))
    return content


class Part(NamedTuple):
    """A part of a form."""

    head: bytes
    content: bytes = b""
    is_named: bool = False
    """Whether its name is that of the file."""
    has_file_name: bool = False
    """Whether it has a file name that is not empty."""


def stored(listed: list[Part]) -> bytes | int:
    """Return what the routes store of a form, or the status: they take one file, not none and not two."""
    named = [part for part in listed if part.is_named]
    return named[0].content if len(named) == 1 and named[0].has_file_name else 400


NAMES = st.sampled_from(["file", "other", "FILE", " file", "", 'fi"le', "файл"])
FILE_NAMES = st.one_of(
    st.sampled_from(["f.bin", "", '"', "\\", "C:\\f", "../../f", 'a; name="b"', "a\r\nb", "%22", "ü" * 2500]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
# By RFC 7578, 4.8, a part has no others. `multipart` refuses a name with a dot, a wrong Content-Length and a
# disposition that is not form-data or not the only one; Werkzeug reads over them.
HEADERS = st.sampled_from(
    [
        b"Content-Type: application/octet-stream",
        b"content-type:text/plain; charset=iso-8859-1",
        b"Content-Transfer-Encoding: binary",
        b"CONTENT-TRANSFER-ENCODING:8BIT",
        b"X-Folded: a;\r\n b",
        b"X-Empty:",
    ]
)
TOKEN = re.compile(r"[\w.-]+", re.ASCII)


@st.composite
def parts(draw: st.DrawFn, mark: bytes, upload: bool) -> Part:
    """A file as the routes store it, or any field or file."""
    name = "file" if upload else draw(NAMES)
    file_name = draw(FILE_NAMES if upload else st.none() | FILE_NAMES)
    as_html = draw(st.booleans())
    content = draw(contents(mark, most=700_000 if upload else 70_000))
    parameters = [f"name={draw(written(name, as_html))}"]
    if file_name is not None:
        parameters.append(f"filename={draw(written(file_name, as_html))}")
    if draw(st.booleans()):
        parameters.reverse()
    disposition = draw(st.sampled_from(["; ", ";", ";\r\n "])).join(["form-data", *parameters])
    key = draw(st.sampled_from(["Content-Disposition: ", "content-disposition:", "CONTENT-DISPOSITION:\t"]))
    more = st.lists(HEADERS, max_size=2)
    head = [*draw(more), f"{key}{disposition}".encode(), *draw(more)]
    if draw(st.booleans()):
        head.append(b"Content-Length: %d" % len(content))
    return Part(b"\r\n".join(head), content, name == "file", bool(file_name))


def written(value: str, as_html: bool) -> st.SearchStrategy[str]:
    """A parameter's value as browsers write it, or as RFC 822 has it; both without line breaks."""
    value = value.replace("\r", "%0D").replace("\n", "%0A")
    mail = value.replace("\\", "\\\\").replace('"', '\\"')
    quoted = '"' + (value.replace('"', "%22") if as_html else mail) + '"'
    return st.sampled_from([quoted, value] if TOKEN.fullmatch(value) else [quoted])


class Form(NamedTuple):
    """A form on its way, and what shall become of it: the bytes to store, or the status of a refusal."""

    boundary: str
    body: bytes
    expected: bytes | int
    cuts: list[int]
    announced: int | None = None
    """Its length; None: it is sent chunked."""

    def environ(self) -> dict[str, Any]:
        kind = {"CONTENT_TYPE": f'multipart/form-data; boundary="{self.boundary}"'}
        return kind | (CHUNKED if self.announced is None else {"CONTENT_LENGTH": str(self.announced)})


BOUNDARIES = st.one_of(
    st.sampled_from(["x", "-", "0123456789abcdef0123456789abcdef", "----WebKitFormBoundary7MA4YWxkTrZu0gW"]),
    st.text(string.ascii_letters + string.digits + "'()+_,-./:=? ", min_size=1, max_size=70),
).filter(lambda boundary: not boundary.endswith(" "))  # RFC 2046
FIELD = Part(b'Content-Disposition: form-data; name="a"')
FILE = Part(b'Content-Disposition: form-data; name="file"; filename="f"', b"a")


def field(content: bytes) -> list[Part]:
    return [FIELD._replace(content=content)]


# What else a form has, for a number of other parts; and the status where it is refused.
MORE: dict[str, tuple[int | None, Callable[[int], list[Part]]]] = {
    "full field": (None, lambda _: field(b"a" * FIELD_BYTES)),
    "long field": (413, lambda _: field(b"a" * (FIELD_BYTES + 1))),
    "full form": (None, lambda others: [FIELD] * (PARTS - others)),
    "too many parts": (413, lambda others: [FIELD] * (PARTS + 1 - others)),
    "no disposition": (400, lambda _: [Part(b"Content-Type: text/plain")]),
}
AROUND = ["no last boundary", "another boundary", "cut short"]


@st.composite
def forms(draw: st.DrawFn, flaw: str = "") -> Form:
    boundary = draw(BOUNDARIES)
    mark = b"--" + boundary.encode()
    listed = draw(st.lists(parts(mark, upload=False), max_size=3))
    if draw(st.sampled_from([True] * 9 + [False])):
        listed.insert(draw(st.integers(0, len(listed))), draw(parts(mark, upload=True)))
    expected = stored(listed)
    at = draw(st.integers(0, len(listed)))
    preamble = draw(st.sampled_from([b"", b"\r\n", b"This is a form.\r\n"]))
    epilogue = draw(st.just(b"\r\n") | contents(mark))
    if flaw in MORE:
        status, more = MORE[flaw]
        listed[at:at] = more(len(listed))
        # A form with two mistakes is refused for the first of them.
        expected = REFUSED if status and expected == 400 else status or expected
    body = b"".join(mark + b"\r\n" + part.head + b"\r\n\r\n" + part.content + b"\r\n" for part in listed)
    body = preamble + body + mark + b"--"
    end, announced = len(body), None
    body += epilogue
    if flaw == "no last boundary":
        body, expected = body[: end - len(mark) - 2], 400
    elif flaw == "another boundary":
        boundary, expected = draw(st.sampled_from(["other", boundary + "o", boundary[:-1] or "oo"])), REFUSED
    if draw(st.booleans()):
        announced = len(body)
    if flaw == "cut short":
        body = body[: draw(places(body[:-1], mark))]
        expected = expected if announced is None and len(body) >= end else 400
    return Form(boundary, body, expected, draw(st.lists(places(body, mark), max_size=9)), announced)


def places(body: bytes, mark: bytes, after: int = 5) -> st.SearchStrategy[int]:
    """Anywhere in a body, with a liking for its delimiters, most of all for the last."""
    ends = [0, *(found.end() for found in re.finditer(re.escape(mark), body))]
    near = st.builds(
        int.__add__, st.sampled_from(ends) | st.just(ends[-1]), st.integers(-len(mark) - 5, after)
    )
    return st.integers(0, len(body)) | near.map(lambda place: min(max(0, place), len(body)))
