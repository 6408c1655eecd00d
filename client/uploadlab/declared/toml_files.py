"""Files of configs/ in TOML."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from uploadlab.errors import UsageError

Content = TypeVar("Content")


def read_toml(path: Path, kind: type[Content], check: Callable[[Content], None], fields: str = "") -> Content:
    """Return the checked content of a file; raise UsageError that begins with the file's name.

    ``fields`` names the known ones, for a file with others.
    """
    try:
        try:
            content = msgspec.toml.decode(path.read_bytes(), type=kind)
        except msgspec.DecodeError as error:
            raise UsageError(f"{error}{fields}") from None
        check(content)
    except (OSError, UnicodeDecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return content
