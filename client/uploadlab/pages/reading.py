"""The reading check: how many words the sentences of the pages have.

    python -m uploadlab.pages.reading [PAGE...]

fails for a page whose sentences are too long, and shows these. With pages as arguments it shows the figures
of each, and all its long sentences.

Prose and list items count; headings, tables, code, HTML and block quotes do not. A paragraph is one sentence
or more, and so is each list item. So an introduction that ends with a colon is a sentence of its own, and
each item below begins another: that is how readers take them in. A colon or a semicolon within a paragraph
ends no sentence. A piece of inline code is one word, and so is a URL; a link counts by its text. A mark
without a letter or a digit, such as a dash, is no word. Fewer than three words are a label, and no sentence.
"""

import re
import statistics
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from uploadlab.paths import DOCS, ROOT

MEDIAN_BELOW = 16
LONG = 25
"""At most one sentence of twenty has this many words, or more."""
LONG_SHARE = 0.05
MOST = 35
FEWEST = 3
SHOWN = 12
"""How many words of a long sentence are shown."""
ABBREVIATIONS = {"e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "ca.", "no.", "mr.", "mrs.", "dr.", "st."}
OPENERS, CLOSERS = "([{\"'“*_", ")]}\"'”*_"
SPACE = "\x00"
"""A space within inline code, where it separates no words."""
PARSER = MarkdownIt("commonmark").enable("table")


class Sentence(NamedTuple):
    """A sentence of a page: the number of its words, and where and how it begins."""

    line: int
    words: int
    beginning: str


def sentences(page: str) -> list[Sentence]:
    """Return the sentences of a page, given as Markdown."""
    return [sentence for block in _blocks(page) for sentence in _split(block)]


def _blocks(page: str) -> Iterator[list[tuple[int, str]]]:
    """Yield the words of each paragraph and of each paragraph of a list item, with their lines."""
    tokens = PARSER.parse(page)
    quotes = 0
    for before, token in pairwise(tokens):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(before.type, 0)
        if token.type == "inline" and before.type == "paragraph_open" and not quotes and token.map:
            lines = "".join(map(_text, token.children or [])).split("\n")
            first = token.map[0] + 1
            yield [(first + number, word) for number, line in enumerate(lines) for word in line.split()]


def _text(token: Token) -> str:
    match token.type:
        case "text":
            return token.content
        case "code_inline":
            return f"`{SPACE.join(token.content.split())}`"
        case "softbreak" | "hardbreak":
            return "\n"
    return ""


def _split(words: list[tuple[int, str]]) -> Iterator[Sentence]:
    """Yield the sentences of a block."""
    begun = 0
    for at in range(1, len(words) + 1):
        if at == len(words) or _ends(words[at - 1][1], words[at][1]):
            part = words[begun:at]
            count = sum(bool(re.search(r"[\w`]", word)) for _, word in part)
            if count >= FEWEST:
                beginning = " ".join(word for _, word in part[:SHOWN]).replace(SPACE, " ")
                yield Sentence(part[0][0], count, beginning)
            begun = at


def _ends(word: str, after: str) -> bool:
    """Return whether a sentence ends with this word, if that one comes after it."""
    bare = word.rstrip(CLOSERS)
    if not bare.endswith((".", "!", "?")):
        return False
    name = bare.lstrip(OPENERS)
    if name.lower() in ABBREVIATIONS or re.fullmatch(r"[A-Z]\.", name):
        return False
    if bare != word or bare.endswith("..."):  # within brackets or quotation marks, it may go on
        return not after.lstrip(OPENERS)[:1].islower()
    return True


class Reading(NamedTuple):
    """How the sentences of a page, or of all together, read."""

    name: str
    sentences: Sequence[tuple[str, Sentence]]
    """Each with the name of its page."""

    @property
    def median(self) -> float:
        """The words of the sentence in the middle; 0 if there are none."""
        return statistics.median([sentence.words for _, sentence in self.sentences] or [0])

    def of_at_least(self, words: int) -> list[tuple[str, Sentence]]:
        """Return the sentences that have this many words, the longest first."""
        found = [(page, sentence) for page, sentence in self.sentences if sentence.words >= words]
        return sorted(found, key=lambda place: -place[1].words)

    @property
    def offending(self) -> list[tuple[str, Sentence]]:
        """The sentences to make shorter; all long ones where there are too many of these."""
        long = self.of_at_least(LONG)
        return long if len(long) > LONG_SHARE * len(self.sentences) else self.of_at_least(MOST + 1)

    @property
    def is_plain(self) -> bool:
        """Whether the page meets the goal."""
        return self.median < MEDIAN_BELOW and not self.offending

    def __str__(self) -> str:
        long, longest = len(self.of_at_least(LONG)), len(self.of_at_least(MOST + 1))
        return (
            f"{self.name}: {len(self.sentences)} sentences; "
            f"median {self.median:g} words (goal: under {MEDIAN_BELOW}); "
            f"{LONG} words or more: {long} (goal: at most {int(LONG_SHARE * len(self.sentences))}); "
            f"over {MOST} words: {longest} (goal: none)"
        )


def read_pages(pages: Sequence[Path]) -> Iterator[Reading]:
    """Yield how each page reads, and then how all do together if there are several."""
    together = []
    for page in pages:
        name = str(page.relative_to(ROOT) if page.is_relative_to(ROOT) else page)
        found = [(name, sentence) for sentence in sentences(page.read_text())]
        together += found
        yield Reading(name, found)
    if len(pages) > 1:
        yield Reading("all together", together)


def main() -> None:
    """Show what is too long; exit with 1 if any page is, or all pages together are."""
    asked = [Path(word).resolve() for word in sys.argv[1:]]
    readings = list(read_pages(asked or [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]))
    failed = [reading for reading in readings if not reading.is_plain]
    for reading in readings if asked else failed:
        print(reading)
        for page, sentence in reading.of_at_least(LONG) if asked else reading.offending:
            print(f"{page}:{sentence.line}: {sentence.words} words: {sentence.beginning} ...")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
