"""The table of a run, as rows of text: for the terminal, and as Markdown for documents."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """All cells of one size: deployments down, methods across."""

    title: str
    header: list[str]
    rows: list[list[str]]


class Key(NamedTuple):
    """What the filters know a table, a row or a column by; what is empty concerns no filter."""

    deployment: str = ""
    method: str = ""
    size_bytes: int = 0
    tier: str = ""


class Part(NamedTuple):
    """A table of a section, and what the filters know it by."""

    table: Table
    key: Key = Key()
    rows: Sequence[Key] = ()
    """One a row, or none at all."""
    columns: Sequence[Key] = ()
    """One a column, or none at all."""
    folded: bool = False
    """Whether it is long, and opened by its reader."""
    wordy: bool = False
    """Whether its cells hold words rather than figures."""
    links: Mapping[str, Sequence[tuple[str, str]]] = {}
    """Text and address of the links that stand in place of a cell's text."""


class HeatCell(NamedTuple):
    """A cell of the heat map by each of its metrics; the shades run from 0 to 1, the best."""

    method: str
    words: str
    """What happened instead of a figure; empty: it has one."""
    texts: Sequence[str] = ()
    shades: Sequence[float | None] = ()


class HeatRow(NamedTuple):
    """A deployment's cells."""

    deployment: str
    name: str
    tier: str
    cells: Sequence[HeatCell]


class Heat(NamedTuple):
    """A heat map: deployments down, methods across, at one size."""

    title: str
    size_bytes: int
    methods: Sequence[str]
    rows: Sequence[HeatRow]


class Axis(NamedTuple):
    """An axis of a chart, logarithmic."""

    title: str
    unit: str
    """``s``, ``MiB``, ``MB/s``; ``size`` and ``users`` say what is across."""


class Chart(NamedTuple):
    """Points by method, as one panel a deployment, or as one of all; a line goes through their medians.

    A point is the numbers of its deployment, method and size in the report's lists, then y, then x unless
    that is the size.
    """

    id: str
    title: str
    caption: str
    x: Axis
    y: Axis
    points: Sequence[Sequence[float]]
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
    """A part of the page under a heading of its own. Whatever it lacks is left out."""

    id: str
    title: str
    intro: Sequence[str] = ()
    heats: Sequence[Heat] = ()
    """Shown on the page in place of the parts, which say the same."""
    parts: Sequence[Part] = ()
    charts: Sequence[Chart] = ()
    bars: Sequence[Bars] = ()
    notes: Sequence[str] = ()
    texts: Mapping[str, str] = {}
    """What is shown as it is, by its name."""
    folded: bool = False
    """Whether those texts are long, and opened by their reader."""


class Report(NamedTuple):
    """A run's report."""

    title: str
    facts: Sequence[str]
    notices: Sequence[str]
    """What is damaged or missing."""
    findings: Mapping[str, Sequence[str]]
    """What it shows, in words, by headings."""
    sections: Sequence[Section]
    deployments: Mapping[str, str]
    """Their tiers."""
    methods: Sequence[str]
    sizes: Sequence[int]
