"""What each link did to the uploads that went over it. Pure.

A link has a limit of its own: a full line is no fault, and a line that its link has cut is no server's fault.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import MB, Summary, by_cell
from uploadlab.model.deployments import REFERENCE
from uploadlab.model.links import Link
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Run

FULL = 0.8
"""From this share of its rate on, a line counts as full."""
Way = tuple[str, int]
"""A method and the bytes of its file."""


class OverLink(NamedTuple):
    """A cell over a link."""

    name: str
    """Of the deployment or server at the far end."""
    summary: Summary
    is_reference: bool
    share: float | None
    """The rate as a share of what the link carries; None: nothing arrived, or the link does not limit it."""
    seconds: float | None
    """Until the answer, or until the upload ended without one, median."""

    @property
    def arrived(self) -> bool:
        """Whether every upload of the cell arrived."""
        return self.summary.status in ACCEPTED

    @property
    def was_ended(self) -> bool:
        """Whether an upload of the cell was refused, broke or took too long."""
        return self.summary.status in (Status.REFUSED, Status.FAILED, Status.TIMEOUT)

    @property
    def way(self) -> Way:
        """How the uploads were sent."""
        return self.summary.method, self.summary.size_bytes


class LinkFacts(NamedTuple):
    """The cells over one link."""

    link: Link
    cells: list[OverLink]

    @property
    def ways(self) -> list[Way]:
        """The ways that were measured, those of the most servers first."""
        counts = Counter(cell.way for cell in self.cells)
        return sorted(counts, key=lambda way: -counts[way])

    @property
    def servers(self) -> list[OverLink]:
        """The cells without those of references, and without those that could not be tried."""
        return [
            cell
            for cell in self.cells
            if not cell.is_reference and cell.summary.status is not Status.UNAVAILABLE
        ]


def links_of_targets(run: Run) -> dict[str, Link]:
    """Return the links of the run by the names of the targets behind them."""
    links = {link.name: link for link in run.links}
    return {target.name: links[target.link] for target in run.targets if target.link in links}


def names_behind(run: Run) -> dict[str, str]:
    """Return what stands at the far end, by the names of targets: ``flask`` for ``flask@dsl``."""
    return {target.name: target.behind for target in run.targets}


def without_links(run: Run, summaries: Iterable[Summary]) -> list[Summary]:
    """Return the cells whose uploads went over nothing of the lab's."""
    linked = links_of_targets(run)
    return [summary for summary in summaries if summary.deployment not in linked]


def plain_failures(run: Run, summaries: Iterable[Summary]) -> list[Summary]:
    """Return the cells whose failure no link had a part in: those over none, those that were not tried."""
    linked = links_of_targets(run)
    return [
        summary
        for summary in summaries
        if summary.deployment not in linked or summary.status is Status.UNAVAILABLE
    ]


def link_facts(run: Run, rows: Sequence[Measurement], summaries: Sequence[Summary]) -> list[LinkFacts]:
    """Return what happened over each link of the run that has a row."""
    measured = by_cell(rows)
    targets = {target.name: target for target in run.targets}
    found = []
    for link in run.links:
        cells = [
            OverLink(
                targets[summary.deployment].behind,
                summary,
                targets[summary.deployment].tier == REFERENCE,
                _share(summary, link),
                ended_after(measured[summary.cell.id]),
            )
            for summary in summaries
            if targets[summary.deployment].link == link.name
        ]
        if cells:
            found.append(LinkFacts(link, cells))
    return found


def ended_after(rows: Sequence[Measurement]) -> float | None:
    """Return the median seconds until uploads were answered or ended; of those that failed, if any did."""
    bad = [row for row in rows if row.status not in ACCEPTED]
    # The host was looked at right before and right after: older runs have no other time of a broken upload.
    known = [seconds for row in bad or rows if (seconds := row.seconds or row.host_seconds)]
    return median(known) if known else None


def _share(summary: Summary, link: Link) -> float | None:
    rate = summary.mb_per_second
    return rate * MB / link.up if rate and link.up else None


def cpu_shares(run: Run, rows: Iterable[Measurement]) -> list[float]:
    """Return how much of the host's CPU all programs used during each upload that others ran beside."""
    linked = {name for name, link in links_of_targets(run).items() if link.is_slow}
    shares = []
    for row in rows:
        used = (row.other_cpu_seconds, row.client_cpu_seconds, row.server_cpu_seconds)
        if row.deployment in linked and not row.warmup and row.host_seconds and None not in used:
            shares.append(sum(filter(None, used)) / (row.host_seconds * run.host.cores))
    return shares
