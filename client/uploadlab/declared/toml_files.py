"""Files of configs/ in TOML."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from uploadlab.errors import UsageError, problem_of

Content = TypeVar("Content")


def read_toml(path: Path, kind: type[Content], check: Callable[[Content], None], fields: str = "") -> Content:
    """Return the checked content of a file; raise UsageError that begins with the file's name.

    ``fields`` names the known ones, for a file with others.
    """
    try:
        content = msgspec.toml.decode(path.read_bytes(), type=kind)
        check(content)
    except (OSError, ValueError, UsageError) as error:
        known = fields if isinstance(error, msgspec.DecodeError) else ""
        raise UsageError(f"{path.name}: {problem_of(error)}{known}") from None
    return content
