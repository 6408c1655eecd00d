"""What a run shows, as values that terminal, page, Markdown and CSV only render."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from uploadlab.model.cells import Cell
from uploadlab.presenting.summary import RunSummary


class Key(NamedTuple):
    """What a table, a row or a column is about; an empty field sets no limit, and concerns no filter."""

    deployment: str = ""
    method: str = ""
    size_bytes: int = 0
    tier: str = ""


class Bad(str):
    """The text of a cell where something went wrong."""

    __slots__ = ()
    tone = "bad"


class Linked(str):
    """The text of a cell; a page shows links in its place."""

    links: Sequence[tuple[str, str]] = ()
    """Text and address of each."""


class Figured(str):
    """The text of a figure, by whose value a page sorts the column."""

    value: float = 0.0


class Verdicted(str):
    """The verdict of a cell of a check, with the numbers of its footnotes."""

    tone: str = ""
    """``good``, ``bad``, ``lost``, ``known`` or ``unknown``."""
    notes: Sequence[str] = ()
    """What happened: the texts of the footnotes."""


class TableRow(NamedTuple):
    """The cells of a row, the first of which names it. The heading of a group has its name alone."""

    cells: list[str]
    key: Key = Key()
    is_below: bool = False
    """Whether it belongs to the group above."""
    about: str = ""
    """What its name means: shown on hover and focus."""


class Table(NamedTuple):
    """A table of text that knows what its rows and columns are about."""

    title: str
    header: Sequence[str]
    rows: Sequence[TableRow]
    key: Key = Key()
    columns: Sequence[Key] = ()
    """One for each column after the first, or none at all."""
    wordy: bool = False
    """Whether the cells hold words rather than figures."""
    narrow: Sequence[str] = ()
    """The columns after the first that a narrow terminal keeps, as far as they fit; none: all or none."""
    is_sortable: bool = False


class Axis(NamedTuple):
    """An axis of a chart, logarithmic."""

    title: str
    unit: str
    """``s``, ``MiB``, ``MB/s``; ``size`` and ``users`` say what is across."""


class Point(NamedTuple):
    """A point of a chart: y, then x unless that is the cell's size."""

    cell: Cell
    values: Sequence[float]


class Chart(NamedTuple):
    """Points by method, as one panel for each deployment, or as one for all; a line joins their medians."""

    id: str
    title: str
    caption: str
    x: Axis
    y: Axis
    points: Sequence[Point]
    panels: bool = True


class Dot(NamedTuple):
    """A figure with its range, in percent of the axis."""

    name: str
    """What the figure is of: told on hover, and by its colour."""
    words: str
    low: float
    value: float
    high: float
    key: Key = Key()
    is_smaller: bool = False
    """Whether it is of a smaller size than the picture."""


class DotRow(NamedTuple):
    """Dots on one line, with what was lost beside them."""

    name: str
    words: str
    """What the line shows, in words."""
    dots: Sequence[Dot]
    lost: Sequence[Dot] = ()
    """Filled red cells: what has no figure, since the file did not arrive."""
    key: Key = Key()


class Dots(NamedTuple):
    """Figures on one logarithmic axis, the best line first."""

    id: str
    label: str
    """What the lines are, for the switch between two pictures of the same figures."""
    caption: str
    unit: str
    ticks: Sequence[tuple[str, float]]
    rows: Sequence[DotRow]


class Bar(NamedTuple):
    """A ratio with its interval, in percent of the axis."""

    key: Key
    name: str
    method: str
    words: str
    tone: str
    """``better``, ``worse``, ``same``; ``lost`` where an upload failed, ``saved`` where only the base's
    did: then there is no interval."""
    low: float = 50.0
    value: float = 50.0
    high: float = 50.0
    noise: tuple[float, float] = (50.0, 50.0)


class Bars(NamedTuple):
    """Ratios below each other on one axis, with 1 in its middle: a picture of a table's figures."""

    title: str
    left: str
    right: str
    """What lies there."""
    ticks: Sequence[tuple[str, float]]
    rows: Sequence[Bar]


class Statement(NamedTuple):
    """One sentence of the answer."""

    head: str
    """One word that says what it is about: ``Lost``, ``Fastest``, ``Change``."""
    text: str
    tone: str = ""
    """``bad``: something was lost or failed; ``warn``: a doubt; ``change``: a fix; ``good``."""
    more: str = ""
    """Why, where there is room for it."""
    finding: str = ""
    """The anchor in docs/findings.md that explains it."""
    rank: int = 1
    """Of the sentences that do not fit into a terminal, those of a greater rank are left out first."""


class Mark(NamedTuple):
    """A finding at the hop that causes it, as a picture names it."""

    words: str
    section: str
    """The id of the section that explains it."""
    tone: str = ""


class Hop(NamedTuple):
    """A program on an upload's way from the client to the app."""

    name: str
    marks: Sequence[Mark] = ()
    is_seen: bool = True
    """Whether it identified itself; else only a finding suspects it."""


class Section(NamedTuple):
    """A part of the details under a heading of its own. What is empty is left out."""

    id: str
    title: str
    intro: Sequence[str] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    bars: Sequence[Bars] = ()
    notes: Sequence[str] = ()
    footnotes: Sequence[str] = ()
    """What the numbers in a table's cells refer to; on a page, the cells have these texts themselves."""
    texts: Mapping[str, str] = {}
    """Texts that are shown as they are, by their names."""
    is_open: bool = False
    """Whether a page shows it before the reader opens it."""
    is_long: bool = False
    """Whether it is left out of a terminal and of Markdown, and its texts are closed on a page."""
    statements: Sequence[Statement] = ()
    """Sentences with heads, above the texts."""
    tone: str = ""
    """As a statement has it, for the title."""

    @property
    def has_text(self) -> bool:
        """Whether it has more than charts, and than sentences of every run."""
        has_rows = any(table.rows for table in self.tables)
        return bool(has_rows or self.texts or self.statements or (self.notes and not self.intro))

    @property
    def is_empty(self) -> bool:
        """Whether nothing but sentences of every run stands below the heading."""
        return not (self.has_text or self.charts)


class Document(NamedTuple):
    """What a run shows."""

    title: str
    """The main result as a sentence, without a full stop."""
    facts: Sequence[str]
    """When and where it was measured."""
    notices: Sequence[str]
    """What is damaged or missing."""
    answer: Sequence[Statement]
    """What matters, the worst first: it fits into a terminal of 80 columns and 25 lines."""
    commands: Mapping[str, str]
    """What to type next, the best first, by what it does."""
    pictures: Sequence[Dots]
    """The first picture, and other views of it."""
    sections: Sequence[Section]
    deployments: Mapping[str, str]
    """Their tiers."""
    methods: Sequence[str]
    sizes: Sequence[int]
    figures: Sequence[Mapping[str, Any]]
    """Raw values, a record for each cell and each step of concurrent uploads, for other programs."""
    summary: RunSummary | None = None
    """The run in short, for the viewer's list; None where the document is of two runs."""
    hops: Sequence[Hop] = ()
    """An upload's way, the client first; empty where it is not known."""
    origin: str = "the run's folder"
    """What the page was written from."""
