"""A report and its tables as Markdown."""

from collections.abc import Sequence

from uploadlab.presenting.document import Report, Section, Table

LONGEST_FIGURE = 40


def markdown(table: Table) -> str:
    """A Markdown table, figures to the right."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.header)
    lines = [table.header, ["--:" if _are_figures(column) else "---" for column in columns], *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _are_figures(column: Sequence[str]) -> bool:
    """Whether some begin with one, and none is a sentence."""
    return any(cell[:1].isdigit() for cell in column) and all(len(cell) <= LONGEST_FIGURE for cell in column)


def as_markdown(report: Report) -> str:
    """The page's tables and sentences, without its charts and what is folded there."""
    lines = [f"# {_plain(report.title)}", "", f"{'; '.join(map(_plain, report.facts))}.", ""]
    lines += [f"> {_plain(line)}" for line in report.notices] + [""] * bool(report.notices)
    for heading, found in report.findings.items():
        lines += [f"## {heading}", "", *(f"- {_plain(line)}" for line in found), ""]
    for section in report.sections:
        lines += [] if section.folded else _section(section)
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", ""]
    for line in section.intro:
        lines += [line, ""]
    for part in section.parts:
        if part.folded:
            continue
        lines += [f"### {_plain(part.table.title)}", ""] if part.table.title else []
        lines += [markdown(_escaped(part.table)), ""]
    for name, text in section.texts.items():
        fence = "`" * max(3, 1 + _longest_run(text))
        lines += [f"### {_plain(name)}", "", fence, text.rstrip("\n"), fence, ""]
    return lines + [f"- {_plain(line)}" for line in section.notes] + [""] * bool(section.notes)


def _escaped(table: Table) -> Table:
    """A bar would end its cell, and a line its row."""
    header, *rows = [
        [_plain(cell).replace("|", "\\|") for cell in row] for row in [table.header, *table.rows]
    ]
    return Table(table.title, header, rows)


def _plain(text: str) -> str:
    """Text that is no markup of HTML's."""
    return " ".join(text.split("\n")).replace("&", "&amp;").replace("<", "&lt;")


def _longest_run(text: str) -> int:
    """Of backquotes, which must not end the block they are shown in."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
