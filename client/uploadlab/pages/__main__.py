"""Renews the pages, or checks that nothing is to be renewed."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.pages import declared, evidence, picture, results  # noqa: F401  each registers its parts
from uploadlab.pages.part import END, FILES, PARTS
from uploadlab.paths import DOCS, ROOT

BEGIN = re.compile(r"<!-- begin: (.+) -->\n")


AGAIN = "PYTHONPATH=client .venv/bin/python -m uploadlab.pages"


def rendered(text: str) -> str:
    """The page with all its parts made anew; raises ValueError for a part that nobody makes."""
    before, *rest = BEGIN.split(text)
    made = [before]
    for words, tail in zip(rest[::2], rest[1::2], strict=True):
        _, closed, after = tail.partition(END)
        kind, *given = words.split()
        if not closed or kind not in PARTS:
            raise ValueError(f"{words!r}: no end, or none of {', '.join(PARTS)}")
        made.append(f"<!-- begin: {words} -->\n{PARTS[kind](*given)}{END}{after}")
    return "".join(made)


def renewed() -> Iterator[tuple[Path, str]]:
    """Every file that is derived, in whole or in part, as it should be."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        try:
            yield page, rendered(page.read_text())
        except (LabError, ValueError, TypeError, KeyError, OSError) as error:
            sys.exit(f"{page.relative_to(ROOT)}: {error}")
    yield from FILES.items()


def main() -> None:
    """Write, or check."""
    for path, new in renewed():
        old = path.read_text() if path.exists() else ""
        if new == old:
            continue
        if "--check" in sys.argv[1:]:
            sys.exit(f"{path.relative_to(ROOT)} is stale: {AGAIN}")
        path.write_text(new)


if __name__ == "__main__":
    main()
