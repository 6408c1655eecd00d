"""The reading check: what is a sentence, what is a word, and which pages fail."""

import sys
from pathlib import Path

import pytest
from uploadlab.pages import reading
from uploadlab.pages.reading import LONG, MEDIAN_BELOW, MOST, sentences
from uploadlab.paths import ROOT

PAGE = """# A heading of more than three words

<!-- begin: a comment of more than three words -->
The first sentence. gunicorn begins another
one, in two lines (see the docs. There!).

Three steps follow here:

1. Run `./scripts/lab run --plan quick` - with the [plan](docs/plans.md#words-of-an-anchor) that fits.
2. Label
3. Use version 1.2.3, e.g. of Mr. X, i.e. J. Doe... or `a. b` and https://example.org/a?b=c. Then stop here.

| a table | of more than three words |
| --- | --- |
| first cell | second cell of a row |

> Words of other people, quoted as they are.

```sh
echo this is no sentence at all
```

He said "no such file!" and went on; the rest, too: it is one sentence. Is this one?
<!-- end -->
"""


def test_sentences_are_of_prose_and_list_items() -> None:
    assert [(sentence.line, sentence.words) for sentence in sentences(PAGE)] == [
        (4, 3),  # a name may begin a sentence
        (4, 10),
        (7, 4),  # the introduction of a list
        (9, 7),  # code and a link's text; a dash is no word
        (11, 14),  # abbreviations, initials, versions, code and a URL end no sentence
        (11, 3),
        (23, 15),  # nor do quotation marks, a semicolon and a colon
        (23, 3),
    ]
    assert sentences(PAGE)[3].beginning == "Run `./scripts/lab run --plan quick` - with the plan that fits."


def page_of(*counts: int) -> str:
    return "\n\n".join(" ".join(["word"] * count) + "." for count in counts)


def check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *pages: Path
) -> tuple[object, list[str]]:
    """What the check of these pages ends with, and the lines that it prints."""
    monkeypatch.setattr(sys, "argv", ["reading", *map(str, pages)])
    with pytest.raises(SystemExit) as end:
        reading.main()
    return end.value.code, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ([MEDIAN_BELOW - 1] * 19 + [LONG], 0),
        ([MEDIAN_BELOW - 1] * 18 + [LONG] * 2, 1),
        ([MEDIAN_BELOW] * 3, 1),
        ([3] * 100 + [MOST], 0),
        ([3] * 100 + [MOST + 1], 1),
        ([], 0),
    ],
)
def test_a_page_fails_above_each_of_the_three_bounds(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    counts: list[int],
    code: int,
) -> None:
    page = tmp_path / "page.md"
    page.write_text(page_of(*counts))
    assert check(monkeypatch, capsys, page)[0] == code


def test_each_long_sentence_has_a_line_and_so_have_all_pages_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    long, short = tmp_path / "long.md", tmp_path / "short.md"
    long.write_text(page_of(3, 40))
    short.write_text(page_of(*[3] * 98))
    code, lines = check(monkeypatch, capsys, long, short)
    begins = [line.partition(" ...")[0].partition(" sentences")[0] for line in lines]
    found = f"{long}:3: 40 words: {' '.join(['word'] * reading.SHOWN)}"
    assert (code, begins) == (1, [f"{long}: 2", found, f"{short}: 98", "all together: 100", found])


def test_without_arguments_all_pages_are_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reading, "MOST", 3)
    code, lines = check(monkeypatch, capsys)
    names = [line.partition(": ")[0] for line in lines if " sentences; " in line]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    assert (code, names) == (1, [*(str(page.relative_to(ROOT)) for page in pages), "all together"])


def test_the_check_reads_the_pages() -> None:
    assert "python -m uploadlab.pages.reading\n" in (ROOT / "scripts/check").read_text()
