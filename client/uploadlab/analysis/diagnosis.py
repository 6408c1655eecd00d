"""Why uploads of a run are slow or fail: which rule holds where, and what that costs."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from uploadlab.analysis import client_causes, server_causes  # noqa: F401  each registers its rules
from uploadlab.analysis.cause_rules import RULES, CellEvidence, Rule, known_median
from uploadlab.analysis.cells import by_cell, ceiling_name, latest_attempt, reference_names
from uploadlab.analysis.disturbances import is_mostly_disturbed
from uploadlab.analysis.link_facts import links_of_targets
from uploadlab.model.deployments import over
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.profiles import Profiles
from uploadlab.model.runs import Run
from uploadlab.units import MIB

Arrived = dict[tuple[str, int], list[Measurement]]
SLOW = 0.5
"""A cell with more than this share of the reference's rate needs no explanation."""
SMALL_BYTES = MIB
"""A smaller upload is over before anything shows."""


class Cause(NamedTuple):
    """A rule that holds for some cells of a run."""

    rule: Rule
    figures: list[float]
    """One for each cell."""
    places: dict[str, list[str]]
    """The deployments by method."""
    times: float
    """How many times slower than the fastest way the worst of the cells is; infinite: a file was lost."""

    @property
    def sentence(self) -> str:
        """What holds, with the least and the greatest figure."""
        low, high = format(min(self.figures), self.rule.unit), format(max(self.figures), self.rule.unit)
        return self.rule.text.replace("{}", low if low == high else f"{low} to {high}")

    @property
    def where(self) -> str:
        """The ways that it holds for: ``request.files on flask, gunicorn``."""
        return "; ".join(f"{method} on {', '.join(names)}" for method, names in self.places.items())


def diagnose(run: Run, rows: Sequence[Measurement], profiles: Profiles | None = None) -> list[Cause]:
    """Return each cause that slow pairs show at their largest size, the most expensive first."""
    order = [target.name for target in run.targets]
    fastest, arrived = _fastest(run, rows), _arrived(rows)
    causes: dict[str, Cause] = {}
    for measured in sorted(_largest(rows), key=lambda measured: order.index(measured[0].deployment)):
        first = measured[0]
        cell = _evidence(run, arrived, measured, profiles)
        if _is_slow(cell):
            lost = cell.status is Status.WRONG
            best = fastest.get((cell.link.name if cell.link else "", first.size_bytes), inf)
            times = inf if lost else (cell.median("seconds") or 0.0) / best
            for known, figure in _figures(cell).items():
                cause = causes.get(known.name, Cause(known, [], {}, 0.0))
                cause.figures.append(figure)
                cause.places.setdefault(first.method, []).append(first.deployment)
                causes[known.name] = cause._replace(times=max(cause.times, times))
    return sorted(causes.values(), key=lambda cause: -cause.times)


def explain(
    run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement], profiles: Profiles | None = None
) -> list[Cause]:
    """Return each cause that one cell shows, slow or not."""
    figures = _figures(_evidence(run, _arrived(rows), measured, profiles))
    return [Cause(known, [figure], {}, 1.0) for known, figure in figures.items()]


def _fastest(run: Run, rows: Sequence[Measurement]) -> dict[tuple[str, int], float]:
    """Return the median seconds of the fastest way of each size over each link, or over none.

    A reference runs no app, and is no way.
    """
    best: dict[tuple[str, int], float] = {}
    references = reference_names(run)
    links = {target.name: target.link for target in run.targets}
    for measured in by_cell(row for row in rows if row.deployment not in references).values():
        seconds = known_median(measured, "seconds")
        if seconds and all(row.status in ACCEPTED for row in measured):
            place = links.get(measured[0].deployment, ""), measured[0].size_bytes
            best[place] = min(best.get(place, seconds), seconds)
    return best


def _figures(cell: CellEvidence) -> dict[Rule, float]:
    """Return the figure of each cause that the cell shows.

    The times of a lost upload prove nothing, nor do those of uploads that the host disturbed.
    """
    disturbed = is_mostly_disturbed(cell.rows)
    rules = [
        known
        for known in RULES
        if (known.of_losses or cell.status is Status.OK)
        and (known.by_client or not cell.foreign)
        and not (known.of_times and disturbed)
    ]
    return {known: figure for known in rules if (figure := known.figure(cell)) is not None}


def _largest(rows: Sequence[Measurement]) -> list[list[Measurement]]:
    """Return the measured uploads of each pair of deployment and method, at their largest size."""
    pairs: dict[tuple[str, str], dict[int, list[Measurement]]] = {}
    for row in rows:
        if not row.warmup and row.size_bytes >= SMALL_BYTES:
            sizes = pairs.setdefault((row.deployment, row.method), {})
            sizes.setdefault(row.size_bytes, []).append(row)
    return [latest_attempt(sizes[max(sizes)]) for sizes in pairs.values()]


def _arrived(rows: Sequence[Measurement]) -> Arrived:
    """Return the measured uploads that arrived, by deployment and size: many cells ask for them."""
    found: Arrived = {}
    for row in rows:
        if not row.warmup and row.status is Status.OK:
            found.setdefault((row.deployment, row.size_bytes), []).append(row)
    return found


def _evidence(
    run: Run, arrived: Arrived, cell: Sequence[Measurement], profiles: Profiles | None
) -> CellEvidence:
    """Return what a run and its profiles say of these uploads of a cell."""
    first, link = cell[0], links_of_targets(run).get(cell[0].deployment)
    name = over(ceiling_name(run) or "", link.name if link else "")
    reference = arrived.get((name, first.size_bytes), [])
    calls = (profiles or {}).get((first.deployment, first.method))
    foreign = any(target.name == first.deployment and target.foreign for target in run.targets)
    return CellEvidence(cell, reference, calls, foreign, link)


def _is_slow(cell: CellEvidence) -> bool:
    if cell.status is Status.OK and cell.link and cell.link.up:  # a full line is as fast as it can be
        return (cell.median("seconds") or 0.0) * SLOW > cell.link.least_seconds(cell.size_bytes)
    if cell.status is not Status.OK or not cell.reference:
        return cell.status is not Status.UNAVAILABLE
    return (cell.median("seconds") or 0.0) * SLOW > (known_median(cell.reference, "seconds") or 0.0)
