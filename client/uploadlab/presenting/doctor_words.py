"""What the doctor has kept, as it may be shown: without logins, tokens, cookies and queries, and short."""

import re
from typing import Any, TypeVar

import msgspec

from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.private_urls import HIDDEN, masked, masked_template

Kept = TypeVar("Kept", bound=msgspec.Struct)
ADDRESSES = ("location", "content-location", "refresh", "link")
"""Headers that hold an address, whose query may be a token."""
COOKIE = re.compile(r"^([^=;]*=)[^;]*")


def without_secrets(kept: Kept) -> Kept:
    """Return the same value without secrets in any of its texts, and without the values of cookies."""
    return msgspec.convert(_cleaned(msgspec.to_builtins(kept)), type(kept))


def in_words(kept: Kept) -> Kept:
    """Return the same value for people: without secrets, and each text but the fixes plain and short."""
    return msgspec.convert(_shortened(msgspec.to_builtins(without_secrets(kept))), type(kept))


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value, OF_A_SERVER)
    if isinstance(value, dict):
        return {key: text if key == "fix" else _shortened(text) for key, text in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list | tuple) else value


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {
            masked(key): _headers(content) if key == "headers" else _cleaned(content)
            for key, content in value.items()
        }
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def _headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(masked(name), masked(_header(name.lower(), value))) for name, value in headers]


def _header(name: str, value: str) -> str:
    if name == "set-cookie":
        return COOKIE.sub(rf"\1{HIDDEN}", value)
    return masked_template(value) if name in ADDRESSES else value
