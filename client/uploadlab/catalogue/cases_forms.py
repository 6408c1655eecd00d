"""Cases of the check: forms that are bad, hostile or unusual."""

import base64
import quopri
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from uploadlab.catalogue.attempts import BOUNDARY, Attempt, Content, exactly, field, form, part_head
from uploadlab.catalogue.case_values import BAD_REQUEST, SMALL, SOME, TOO_LARGE
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import MIB

LINE_BREAKS = {"CR": b"\r", "LF": b"\n", "CR LF": b"\r\n"}
LONG_LINE_MIB = 128
"""A parser that keeps all after a line break, and searches all of it at each read, takes minutes for that:
Werkzeug 2.3.7 and 3.0.0 take two on a processor of 2025. Others take less than a second."""
LONG_LINE_SECONDS = 30.0


SHORTER_LINE_MIB = 2
"""More than a parser may hold of a field: where it takes a file for one, it refuses with 413."""


@case("line-break-first", CaseKind.GOOD, large=True)
def line_break_first() -> Iterator[Attempt]:
    """A form whose file begins with CR, LF or both, then has 128 MiB without: in 30 s (CVE-2023-46136)."""
    yield from _long_lines(LONG_LINE_MIB)


@case("line-break-2-mib", CaseKind.GOOD)
def line_break_2_mib() -> Iterator[Attempt]:
    """The same with 2 MiB: no parser may treat the file like a field, and refuse it as too large."""
    yield from _long_lines(SHORTER_LINE_MIB)


def _long_lines(size_mib: int) -> Iterator[Attempt]:
    for label, line_break in LINE_BREAKS.items():
        first = label == "CR"  # it goes to every route
        file = long_line(line_break, size_mib)
        yield form(file, label=label, within_seconds=LONG_LINE_SECONDS, each_route=first)


def long_line(line_break: bytes, size_mib: int) -> Content:
    """Return a file of one long line after a line break."""
    block = b"x" * MIB
    size_bytes = len(line_break) + size_mib * MIB
    return Content(size_bytes, lambda: chain((line_break,), repeat(block, size_mib)))


@case("large-field", CaseKind.BAD)
def large_field() -> Iterator[Attempt]:
    """A form field of 600 KB before the file."""
    yield form(SOME, before=field("note", b"x" * 600_000), refusals=(TOO_LARGE,))


@case("many-parts", CaseKind.BAD)
def many_parts() -> Iterator[Attempt]:
    """2,000 parts before the file."""
    yield form(SOME, before=field("note", b"x") * 2000, refusals=(TOO_LARGE,))


FILE_NAMES = {
    "../": "../../../../tmp/evil",
    "absolute": "/etc/evil",
    "backslash": "..\\..\\evil",
    "NUL": "evil\0.bin",
    "4,000 characters": "x" * 4000,
    "right to left": "\u202egnp.live\u202c",
    "empty": "",
}


@case("file-names", CaseKind.BAD, contract=True)
def file_names() -> Iterator[Attempt]:
    """File names that try to leave the upload folder."""
    for label, name in FILE_NAMES.items():
        yield form(SOME, name=name, label=label, refusals=(BAD_REQUEST,))


@case("no-file", CaseKind.BAD)
def no_file() -> Iterator[Attempt]:
    """A form without the file part."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    yield form(SOME, head=part_head('name="other"; filename="a"'), label="another file", **bad)
    yield form(exactly(b"text"), head=part_head('name="file"'), label="a field of that name", **bad)
    yield form(exactly(b""), head=b"", tail=f"--{BOUNDARY}--\r\n".encode(), label="no part", **bad)


@case("broken-form", CaseKind.BAD)
def broken_form() -> Iterator[Attempt]:
    """A boundary that is missing, or differs from the header's."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    # Werkzeug keeps what is no part yet in memory, up to the limit of a field.
    endless = bad | {"refusals": (BAD_REQUEST, TOO_LARGE)}
    kind = "multipart/form-data"
    yield form(SOME, content_type=kind, label="none announced", **bad)
    yield form(SOME, content_type=f"{kind}; boundary=another", label="another", **endless)
    yield form(SOME, tail=b"", label="none at the end", **bad)
    yield form(SOME, tail=b"\r\n", label="torn at the end", **bad)
    yield form(SOME, head=b"\r\n", label="no part's head", **endless)


def another_file(content: bytes, name: str = "another.bin") -> bytes:
    """Return a whole part ``file``."""
    return part_head(f'name="file"; filename="{name}"', "Content-Type: text/plain\r\n") + content + b"\r\n"


ONE_FILE: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}


@case("two-files", CaseKind.BAD, contract=True)
def two_files() -> Iterator[Attempt]:
    """Two parts named `file`: both with content, or one of them empty; and three such parts."""
    last = f"\r\n--{BOUNDARY}--\r\n".encode()
    after = b"\r\n" + another_file(b"")[:-2] + last
    yield form(SOME, before=another_file(b"x" * 1000), label="both with content", **ONE_FILE)
    yield form(SOME, before=another_file(b"x" * 600_001), label="of the same size", **ONE_FILE)
    yield form(SOME, before=another_file(b""), label="the first empty", **ONE_FILE)
    yield form(SOME, tail=after, label="the second empty", **ONE_FILE)
    yield form(SMALL, before=another_file(b"x") + another_file(b"y"), label="three", **ONE_FILE)
    # Browsers send a part for each input of a page, also where no file was chosen.
    empty_input = another_file(b"", name="")
    may = ONE_FILE | {"must_refuse": False}
    yield form(SOME, before=empty_input, label="nothing chosen in the first", **may)
    yield form(SOME, before=field("file", b"text"), label="a field of that name first", **may)


@case("nothing-chosen", CaseKind.BAD, contract=True)
def nothing_chosen() -> Iterator[Attempt]:
    """A browser's form without a chosen file: an empty part with an empty name."""
    yield form(exactly(b""), name="", **ONE_FILE)
    yield form(exactly(b""), name="", before=another_file(b"", name=""), label="twice", **ONE_FILE)
    yield form(exactly(b""), name="", before=field("note", b"text"), label="after a field", **ONE_FILE)


TEXT = b"caf\xc3\xa9 = tea\r\n" * 500
ENCODED = {"base64": base64.encodebytes(TEXT), "quoted-printable": quopri.encodestring(TEXT)}


@case("part-encodings", CaseKind.BAD, contract=True)
def part_encodings() -> Iterator[Attempt]:
    """Content-Transfer-Encoding in a part: base64, quoted-printable, and encodings that change no byte."""
    for name, encoded in ENCODED.items():
        file = exactly(TEXT)._replace(encoded=encoded)
        for coding in (name, name.upper()):
            line = f"Content-Transfer-Encoding: {coding}\r\n"
            yield form(file, part_headers=line, label=coding, refusals=(BAD_REQUEST,))
    seven = exactly(b"tea\r\n" * 2000)
    for coding, content in (("binary", SOME), ("8bit", exactly(TEXT)), ("7bit", seven), ("BINARY", SMALL)):
        yield form(content, part_headers=f"Content-Transfer-Encoding: {coding}\r\n", label=coding)


NO_FILE = ("no complete file", "no file", "without a file")
"""What a refusal of a form must not say that has a file."""
UNUSUAL_NAMES = {
    "backslash at the end": 'filename="folder\\"',
    "two backslashes at the end": 'filename="folder\\\\"',
    "Windows path": 'filename="C:\\Users\\me\\a.bin"',
    "escaped quote": 'filename="a\\"b.bin"',
    "%22": 'filename="a%22b.bin"',
    "quote": 'filename="a"b.bin"',
    "semicolon": 'filename="a; name=b.bin"',
    "not in quotes": "filename=a.bin",
    "single quotes": "filename='a.bin'",
    "Latin-1": 'filename="caf\udce9.bin"',
    "UTF-8": 'filename="caf\u00e9 \U0001f375.bin"',
    "encoded word": 'filename="=?utf-8?Q?caf=C3=A9?="',
    "line break": 'filename="a\n b.bin"',
    "filename* only": "filename*=UTF-8''caf%C3%A9.bin",
    "filename* of Latin-1": "filename*=ISO-8859-1''caf%E9.bin",
    "filename* of an unknown charset": "filename*=x-none''caf%E9.bin",
    "filename* without a charset": "filename*=a.bin",
    "both": "filename=\"cafe.bin\"; filename*=UTF-8''caf%C3%A9.bin",
    "both, the other way round": "filename*=UTF-8''caf%C3%A9.bin; filename=\"cafe.bin\"",
    "parts of a name": 'filename*0="a"; filename*1=".bin"',
}
"""Names of files as clients write them, after ``name="file"``."""


@case("unusual-names", CaseKind.BAD)
def unusual_names() -> Iterator[Attempt]:
    """File names with backslashes, quotes, Latin-1 or filename*: stored, or refused with the true reason."""
    may: dict[str, Any] = {"refusals": (BAD_REQUEST,), "untrue_reasons": NO_FILE}
    for label, name in UNUSUAL_NAMES.items():
        yield form(SOME, head=part_head(f'name="file"; {name}', "X-Note: a\r\n"), label=label, **may)
    yield form(SOME, head=part_head('filename="a.bin"; name="file"'), label="the name last", **may)
    yield form(SOME, head=part_head('filename="a.bin"; name=file'), label="file not in quotes", **may)
