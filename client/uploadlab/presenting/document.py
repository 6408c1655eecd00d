"""A report as values: keyed tables, charts and sentences, which terminal, page and Markdown only render."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from uploadlab.model.cells import Cell


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


class Shaded(str):
    """A cell of a heat map: text and shade by each of its metrics."""

    texts: Sequence[str] = ()
    shades: Sequence[float] = ()
    """From 0 to 1, the best."""


class TableRow(NamedTuple):
    """The cells of a row, the first of which names it. The heading of a group has its name alone."""

    cells: list[str]
    key: Key = Key()
    is_below: bool = False
    """Whether it belongs to the group above."""


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


class Bar(NamedTuple):
    """A ratio with its interval, in percent of the axis."""

    key: Key
    name: str
    method: str
    words: str
    tone: str
    """``better``, ``worse`` or ``same``."""
    low: float
    value: float
    high: float
    noise: tuple[float, float]


class Bars(NamedTuple):
    """Ratios below each other on one axis, with 1 in its middle: a picture of a table's figures."""

    title: str
    left: str
    right: str
    """What lies there."""
    ticks: Sequence[tuple[str, float]]
    rows: Sequence[Bar]


class Section(NamedTuple):
    """A part of the page under a heading of its own. What is empty is left out."""

    id: str
    title: str
    intro: Sequence[str] = ()
    heats: Sequence[Table] = ()
    """Shown on the page in place of the tables, which say the same."""
    tables: Sequence[Table] = ()
    details: Sequence[Table] = ()
    """Long tables, closed until the reader opens them."""
    charts: Sequence[Chart] = ()
    bars: Sequence[Bars] = ()
    notes: Sequence[str] = ()
    texts: Mapping[str, str] = {}
    """Texts that are shown as they are, by their names."""
    folded: bool = False
    """Whether the texts are long, and closed until the reader opens them."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing but sentences stands below the heading."""
        return not (any(table.rows for table in self.tables) or self.charts or self.texts)


class Report(NamedTuple):
    """A run's report."""

    title: str
    facts: Sequence[str]
    notices: Sequence[str]
    """What is damaged or missing."""
    findings: Mapping[str, Sequence[str]]
    """What the run shows, in words, by headings."""
    sections: Sequence[Section]
    deployments: Mapping[str, str]
    """Their tiers."""
    methods: Sequence[str]
    sizes: Sequence[int]
