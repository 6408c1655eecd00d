"""The result of a comparison: each method of each deployment against the base. Pure.

Only a comparison needs numpy: this module can be imported without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell, reference_names
from uploadlab.analysis.significance import Judged, judge_ratio, paired_rounds
from uploadlab.model.cells import Cell
from uploadlab.model.comparison import WITHIN, ComparedGroup, ComparedSide, Comparison
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Run

SECONDS, CPU, MEMORY = "seconds", "server_cpu_seconds", "server_peak_rss_bytes"


FIELDS = (SECONDS, CPU, MEMORY)
OF_CLIENT = {CPU: "client_cpu_seconds", MEMORY: "client_peak_rss_bytes"}
"""What is judged in place of the server's, where the packages that differ are the client's."""


class ComparedCell(NamedTuple):
    """One cell against the base's."""

    name: str
    """The deployment."""
    method: str
    size_bytes: int
    rounds: int
    """The rounds with a figure on both sides, or those of the side that has fewer."""
    verdicts: dict[str, Judged | None]
    """By field, as far as it was measured; None: too few rounds. For seconds, the ratio is that of speed."""
    instead: str = ""
    """The status, if not ok, with the reason."""
    base_instead: str = ""
    """The status of the base, if not ok: then there is nothing to compare with."""
    disturbed: int = 0
    """How many rounds were disturbed from outside, at the base or here; between runs these do not count."""


class Found(NamedTuple):
    """All lines of one group, and its noise."""

    base: str
    noise: list[ComparedCell]
    """The base against itself, or each reference of one run against the other run."""
    lines: list[ComparedCell]
    reasons: list[str]
    """Why a deployment is not ok, with its configs."""
    place: str = ""
    """The deployment whose versions are compared; empty: configs are, or runs."""
    sides: Mapping[str, ComparedSide] = MappingProxyType({})
    """Of versions: the side that each deployment is."""

    @property
    def sizes(self) -> list[int]:
        """The sizes that were compared, the smallest first."""
        return sorted({line.size_bytes for line in [*self.noise, *self.lines]})

    def of_size(self, size_bytes: int) -> "Found":
        """Return only the lines of this size."""
        return self._replace(
            noise=[line for line in self.noise if line.size_bytes == size_bytes],
            lines=[line for line in self.lines if line.size_bytes == size_bytes],
        )

    def label(self, name: str) -> str:
        """Return what a reader calls a deployment: ``werkzeug 3.0.1`` of versions, else its name."""
        return self.sides[name].label if name in self.sides else name

    def label_in_full(self, name: str) -> str:
        """Return the label with its place: ``werkzeug 3.0.1 on flask``."""
        return f"{self.label(name)} on {self.place}" if name in self.sides else name


def found(run: Run, rows: Sequence[Measurement]) -> list[Found]:
    """Return the result of one run's rounds for each group; none if the run compares nothing."""
    comparison, cells = run.comparison, by_cell(rows)
    return (
        [_found_group(run, rows, cells, comparison, group) for group in comparison.groups]
        if comparison
        else []
    )


def _found_group(
    run: Run,
    rows: Sequence[Measurement],
    cells: Mapping[str, list[Measurement]],
    comparison: Comparison,
    group: ComparedGroup,
) -> Found:
    ways = dict.fromkeys((cell.method, cell.size_bytes) for cell, *_ in run.cells)
    floors = {way: dict.fromkeys(FIELDS, 1 + comparison.within) for way in ways}
    columns = OF_CLIENT if comparison.of_clients else {}

    def compare(name: str) -> list[ComparedCell]:
        lines = []
        for way in ways:
            base, other = (cells.get(Cell(side, *way).id, []) for side in (group.base, name))
            if other:
                lines.append(_line(name, base, other, True, floors[way], columns))
        return lines

    noise = compare(group.again)
    for line in noise:
        for field, judged in line.verdicts.items():
            if judged:
                way = line.method, line.size_bytes
                floors[way][field] = max(floors[way][field], judged.ratio.reach)
    lines = [line for name in group.others for line in compare(name)]
    result = Found(group.base, noise, lines, [], group.place, group.sides)
    names = {name: result.label_in_full(name) for name in (group.base, *group.others)}
    return result._replace(reasons=_reasons(run, rows, names))


def between_runs(
    base: Run, base_rows: Sequence[Measurement], other: Run, other_rows: Sequence[Measurement]
) -> Found:
    """Return the result for the cells that two runs share; the references that they share show the noise."""
    before, after = by_cell(base_rows), by_cell(other_rows)
    references = set(reference_names(base)) & set(reference_names(other))
    floors = dict.fromkeys(FIELDS, 1 + WITHIN)

    def compare(of_references: bool) -> list[ComparedCell]:
        return [
            _line(cell.deployment, before[cell.id], after[cell.id], False, floors)
            for cell, *_ in other.cells
            if cell.id in before and cell.id in after and (cell.deployment in references) is of_references
        ]

    noise = compare(True)
    for line in noise:
        for field, judged in line.verdicts.items():
            if judged:  # its interval only says how sure the shift is
                floors[field] = max(floors[field], judged.ratio.value, 1 / judged.ratio.value)
    lines = compare(False)
    return Found(base.id, noise, lines, _reasons(other, other_rows, {line.name: line.name for line in lines}))


def _line(
    name: str,
    base: Sequence[Measurement],
    other: Sequence[Measurement],
    in_one_run: bool,
    floors: Mapping[str, float],
    columns: Mapping[str, str] = MappingProxyType({}),
) -> ComparedCell:
    """Return the verdicts; ``columns`` has what stands for a field where that is not its own."""
    from uploadlab.analysis.intervals import paired, unpaired

    instead, base_instead = _instead(other), _instead(base)
    disturbed = {row.round for row in [*base, *other] if row.disturbed}
    verdicts: dict[str, Judged | None] = {}
    counted: list[int] = []
    for field in FIELDS if not (instead or base_instead) else ():
        column = columns.get(field, field)
        above, below = _values(other, column, in_one_run), _values(base, column, in_one_run)
        if field == SECONDS:  # the ratio of speeds
            above, below = below, above
        if in_one_run:
            rounds = paired_rounds(above, below, disturbed)
            ratio = paired([above[number] for number in rounds], [below[number] for number in rounds])
        else:
            rounds = list(above if len(above) <= len(below) else below)
            ratio = unpaired(list(above.values()), list(below.values()))
        counted = max(counted, rounds, key=len)
        if rounds:
            verdicts[field] = judge_ratio(ratio, floors[field])
    noisy = disturbed.intersection(counted) if in_one_run else disturbed
    return ComparedCell(
        name, other[0].method, other[0].size_bytes, len(counted), verdicts, instead, base_instead, len(noisy)
    )


def _values(rows: Sequence[Measurement], field: str, in_one_run: bool) -> dict[int, float]:
    """Return the known values of a field by round; CPU seconds too few to be counted are 0, and not known.

    Of two runs only quiet rounds: what disturbed one of them did not disturb the other.
    """
    rows = [row for row in rows if in_one_run or not row.disturbed]
    return {row.round: float(value) for row in rows if (value := getattr(row, field))}


def _instead(rows: Sequence[Measurement]) -> str:
    for row in rows:
        if row.status not in ACCEPTED:
            more = {Status.WRONG: row.error, Status.REFUSED: row.http_status}.get(row.status)
            return f"{row.status}: {more}" if more else str(row.status)
    return ""


def _reasons(run: Run, rows: Iterable[Measurement], names: Mapping[str, str]) -> list[str]:
    """Return each reason once, where more is known than the status says; ``names`` are those to print."""
    bad = [
        row
        for row in rows
        if row.error and row.deployment in names and row.status not in (*ACCEPTED, Status.WRONG)
    ]
    reasons, behind = [], {target.name: target.behind for target in run.targets}
    for row in {(row.deployment, row.error): row for row in bad}.values():
        configs = ", ".join(run.config_names.get(behind.get(row.deployment, row.deployment), []))
        name = names[row.deployment]
        name += f" ({configs})" if configs and name == row.deployment else ""
        reasons.append(f"{name}: {row.status}: {row.error}")
    return reasons
