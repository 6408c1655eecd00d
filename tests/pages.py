"""The project's pages as their readers see them: sections, links, commands."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from uploadlab.paths import DOCS, ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
GENERATED = re.compile(r"<!-- begin: .+? -->\n.*?<!-- end -->\n", re.DOTALL)
ANCHOR = re.compile(r'^<a id="(.+?)"></a>$', re.MULTILINE)
FENCED = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Section(NamedTuple):
    """A heading and what stands below it, to the next one."""

    page: Path
    level: int
    """How many ``#`` its heading has."""
    title: str
    anchor: str
    text: str


def slug(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def sections(page: Path) -> list[Section]:
    """The first is what stands above all headings but the page's own."""
    text = FENCED.sub("", page.read_text())
    _, *rest = re.split(r"^(#+) (.+)\n", text, flags=re.MULTILINE)
    found = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return [Section(page, len(marks), title, slug(title), below) for marks, title, below in found]


def anchors(page: Path) -> set[str]:
    """What a link to the page may name: its headings, and the names of headings that it had before."""
    return {section.anchor for section in sections(page)} | set(ANCHOR.findall(page.read_text()))


def links(text: str) -> list[str]:
    """Where its links lead, those in the web left out."""
    text = re.sub(r"`[^`]*`", "", FENCED.sub("", text))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    return [link for link in found if not re.match(r"https?://", link)]


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file and the anchor that a link of a page leads to."""
    path, _, anchor = link.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def blocks(page: Path) -> Iterator[list[str]]:
    """The commands of each block of a page that is for the shell, their comments left out."""
    for language, _, text in FENCED.findall(page.read_text()):
        if language == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            commands = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
            yield [" ".join(command.split()) for command in commands if command and command[0] != "#"]
