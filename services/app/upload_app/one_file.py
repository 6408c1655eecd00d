"""Which part of a form is the file, and why a form is refused. Needs no other package.

Parsers differ in quotes, backslashes and RFC 2231's ``filename*``. All form routes read the head of a part
here, so that each takes the same files and gives the same reason.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

FIELD = "file"
"""The form field that holds the file."""
AS_IT_IS = ("", "binary", "8bit", "7bit", "identity")
"""Encodings that change no byte. Of a file with another one, not the bytes of the file would be stored."""
ENCODINGS = ("content-transfer-encoding", "content-encoding")
PARAMETER = re.compile(
    r"""\s*+([^\s;="]++)\s*+=\s*+  # its name
    (?: "((?:[^"\\]|\\.)*+)"(?=\s*+(?:;|$))  # quoted, with escapes by backslashes (RFC 9110)
    | "([^"]*+)"(?=\s*+(?:;|$))    # quoted as browsers do: a backslash is a letter, even the last (HTML)
    | "([^"]*+)"[^;]*+             # quoted, with bare quotes in it
    | ([^";]*+) )\s*+(?:;|$)       # not quoted
    """,
    re.VERBOSE | re.DOTALL,
)
"""A parameter of a header. The first reading that leaves nothing unread is the right one.

A repetition with a further ``+`` gives nothing back: otherwise 4 KB of spaces would take minutes to refuse.
"""
NO_PARAMETER = re.compile(r'[^=;"]*+(?:;|$)')
"""A word without a value, which is skipped."""


class FormRefused(Exception):
    """A form that is not stored; its text is the reason."""


class NoFilePart(FormRefused):
    """A whole form without the file."""

    def __init__(self) -> None:
        super().__init__(f"no complete file part named '{FIELD}' in the form")


class FormPart(NamedTuple):
    """A part of a form, by its head."""

    is_chosen: bool
    """Whether this is the file to store."""
    is_field: bool
    """Whether it is a value, and no file."""
    filename: str = ""


class OneFile:
    """The choice of the file among the parts of one form, which come one after the other."""

    def __init__(self) -> None:
        self._found = False

    def examine(self, headers: Iterable[tuple[str, str]]) -> FormPart:
        """Return what a part is. Raise FormRefused for a second file, none chosen, or one that is encoded."""
        lines = [(name.strip().lower(), value.strip()) for name, value in headers]
        options = _read_disposition([value for name, value in lines if name == "content-disposition"])
        filename = options.get("filename")
        if filename is not None:
            _refuse_encoded(lines)
        if options.get("name") != FIELD:
            return FormPart(is_chosen=False, is_field=filename is None, filename=filename or "")
        if self._found:
            raise FormRefused(f"one file, please: the form has more than one part named '{FIELD}'")
        if filename is None:
            raise FormRefused(f"one file, please: the part named '{FIELD}' has no filename, so it is no file")
        if not filename:
            raise FormRefused(f"no file was chosen: the part named '{FIELD}' has an empty filename")
        self._found = True
        return FormPart(is_chosen=True, is_field=False, filename=filename)

    def require(self) -> None:
        """Raise NoFilePart unless one of the parts was the file."""
        if not self._found:
            raise NoFilePart


def read_parameters(text: str) -> dict[str, str]:
    """Return the parameters of a header by name, in lower case. Raise FormRefused for what is none."""
    found: dict[str, str] = {}
    encoded: dict[str, str] = {}
    at = 0
    while at < len(text):
        if skipped := NO_PARAMETER.match(text, at):
            at = skipped.end()
            continue
        match = PARAMETER.match(text, at)
        if not match:
            raise FormRefused(
                f"the Content-Disposition of a part cannot be read from {text[at : at + 80]!r} on"
            )
        at = match.end()
        key, escaped, *quoted, bare = match.groups()
        value = next(filter(None, quoted), (bare or "").strip()) if escaped is None else _unescape(escaped)
        name, star, mark = key.lower().partition("*")
        if not star:
            found[name] = value
        else:  # RFC 2231: filename*=UTF-8''a%20b, or in pieces: filename*0=a; filename*1=b
            encoded[name] = encoded.get(name, "") + (value if mark.isdecimal() else _decode(value))
    return encoded | found | {name: value for name, value in encoded.items() if value}


def _read_disposition(values: list[str]) -> dict[str, str]:
    if len(values) != 1:
        raise FormRefused(f"a part of the form has {len(values) or 'no'} Content-Disposition headers")
    kind, _, parameters = values[0].partition(";")
    if kind.strip().lower() != "form-data":
        raise FormRefused(f"a part of the form has the Content-Disposition {kind.strip()!r}, not form-data")
    return read_parameters(parameters)


def _refuse_encoded(lines: list[tuple[str, str]]) -> None:
    for name, value in lines:
        if name in ENCODINGS and value.strip('"').lower() not in AS_IT_IS:
            raise FormRefused(f"a file part has {name.title()}: {value!r}; send the file's bytes as they are")


def _decode(value: str) -> str:
    """Decode charset'language'text. Bytes of an unknown charset are replaced: no name is ever used."""
    return unquote_to_bytes(value.split("'", 2)[-1]).decode("utf-8", "replace")


def _unescape(value: str) -> str:
    """Undo the escapes of RFC 9110. Those of the HTML Standard, such as %22, do not matter for a choice."""
    return re.sub(r'\\([\\"])', r"\1", value)
