"""Renews the pages, or checks that none is stale."""

import importlib
import pkgutil
import re
import sys

from uploadlab import pages
from uploadlab.errors import LabError, problem_of
from uploadlab.pages.part import END, FILES, PARTS
from uploadlab.paths import DOCS, ROOT

BEGIN = re.compile(r"<!-- begin: (.+) -->\n")
AGAIN = "PYTHONPATH=client .venv/bin/python -m uploadlab.pages"

for module in pkgutil.iter_modules(pages.__path__):
    if module.name != "__main__":
        importlib.import_module(f"{pages.__name__}.{module.name}")  # registers its parts


def rendered(text: str) -> str:
    """Return the page with all its parts made again; raises ValueError for an unknown part."""
    before, *rest = BEGIN.split(text)
    pieces = [before]
    for words, tail in zip(rest[::2], rest[1::2], strict=True):
        _, closed, after = tail.partition(END)
        kind, *arguments = words.split()
        if not closed or kind not in PARTS:
            raise ValueError(f"{words!r}: no end, or none of {', '.join(PARTS)}")
        pieces.append(f"<!-- begin: {words} -->\n{PARTS[kind](*arguments)}{END}{after}")
    return "".join(pieces)


def main() -> None:
    """Write what is stale, or with ``--check`` fail because of it."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        try:
            FILES[page] = rendered(page.read_text())
        except (LabError, ValueError, TypeError, KeyError, OSError) as error:
            sys.exit(f"{page.relative_to(ROOT)}: {problem_of(error)}")
    for path, new in FILES.items():
        if path.exists() and path.read_text() == new:
            continue
        if "--check" in sys.argv[1:]:
            sys.exit(f"{path.relative_to(ROOT)} is stale: {AGAIN}")
        path.write_text(new)


if __name__ == "__main__":
    main()
