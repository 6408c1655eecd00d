"""What the project cites: threads of other projects, advisories and standards; and what each of these says.

``python -m uploadlab.pages.citations`` lists all citations with their places, and fails for one that
configs/citations.toml does not have.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from uploadlab.pages.part import page_part, untitled
from uploadlab.paths import CITATIONS, DOCS, REPORTS, ROOT

SEARCHED = ("README.md", "CHANGELOG.md", "compose.yaml", "client", "configs", "docs", "scripts", "services")
LISTS = (CITATIONS, DOCS / "citations.md", *sorted(REPORTS.glob("*.toml")))
"""What only says what the others cite, and the public reports, which say by themselves what they are."""
SUFFIXES = {"", ".conf", ".ini", ".md", ".py", ".sh", ".template", ".toml", ".yaml"}
GENERATED = re.compile(r"<!-- begin: .+? -->\n.*?<!-- end -->", re.DOTALL)
SECTION = r"\d+(?:\.\d+)*"
THREAD = re.compile(r"(?<![\w./-])([\w-]+/[\w.-]+)#(\d+)(?![\w-])")
ADDRESS = re.compile(r"github\.com/([\w-]+/[\w.-]+)/(?:issues|pull)/(\d+)")
ADVISORY = re.compile(r"CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}")
STANDARD = re.compile(rf"RFC (\d+)(?:, (?:section )?({SECTION}(?:(?:, | and ){SECTION})*))?")


class Citation(msgspec.Struct, forbid_unknown_fields=True):
    """What is cited, as one entry of configs/citations.toml."""

    what: str
    """``owner/repository#number``, an advisory, or ``RFC number, section``."""
    says: str
    read: date
    seen: str = ""
    """The version in which a fault was seen, and when."""


def load_citations() -> dict[str, Citation]:
    """Return the declared citations by what is cited; raise msgspec.ValidationError."""
    declared = msgspec.toml.decode(CITATIONS.read_bytes(), type=dict[str, list[Citation]])
    return {citation.what: citation for citation in declared["citations"]}


def cited(text: str) -> Iterator[tuple[int, str]]:
    """Yield what a text cites, with the number of the line; generated parts of pages are left out."""
    text = GENERATED.sub(lambda part: "\n" * part[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        threads = [f"{found[1]}#{found[2]}" for name in (THREAD, ADDRESS) for found in name.finditer(line)]
        advisories = [found[0] for found in ADVISORY.finditer(line)]
        for name in dict.fromkeys([*threads, *advisories, *_sections(line)]):
            yield number, name


def _sections(line: str) -> Iterator[str]:
    for found in STANDARD.finditer(line):
        sections = re.findall(SECTION, found[2] or "")
        yield from (f"RFC {found[1]}, {section}" for section in sections)
        if not sections:
            yield f"RFC {found[1]}"


def places() -> Mapping[str, list[str]]:
    """Return what the project cites, each with its places as ``file:line``."""
    found: dict[str, list[str]] = {}
    for path in sorted(_files()):
        for number, name in cited(path.read_text()):
            found.setdefault(name, []).append(f"{path.relative_to(ROOT)}:{number}")
    return found


def _files() -> Iterator[Path]:
    for name in SEARCHED:
        top = ROOT / name
        for path in [top] if top.is_file() else top.rglob("*"):
            if path.is_file() and path.suffix in SUFFIXES and path not in LISTS:
                yield path


@page_part
def citations(kind: str) -> str:
    """Return the declared citations: of ``standards``, or of ``threads`` and advisories."""
    standards = kind == "standards"
    wanted = [entry for what, entry in load_citations().items() if what.startswith("RFC") == standards]
    if standards:
        return untitled(["section", "what it says"], [[entry.what, entry.says] for entry in wanted])
    rows = [[_linked(entry.what), entry.says, entry.seen, str(entry.read)] for entry in wanted]
    return untitled(["cited", "what it says", "seen in", "read"], rows)


def _linked(what: str) -> str:
    name, _, number = what.partition("#")
    return f"[{what}](https://github.com/{name}/issues/{number})" if number else what


def main() -> None:
    """List all citations; exit with what is wrong, if one is not declared or no longer cited."""
    found, declared = places(), load_citations()
    for name, where in sorted(found.items()):
        print(f"{name}: {', '.join(where)}")
    wrong = [
        f"{where[0]} cites {name}: read it, and add to configs/citations.toml what it says"
        for name, where in found.items()
        if name not in declared
    ]
    wrong += [
        f"configs/citations.toml has {name}, which nothing cites" for name in declared if name not in found
    ]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
