"""Parts of findings: changes of other packages that the lab has caught, and one version with itself."""

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from uploadlab.analysis.comparison import found
from uploadlab.analysis.grid import latest
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.pages.part import kept, page_part, untitled
from uploadlab.paths import BENCHMARK, program
from uploadlab.presenting.comparison_answer import Effect, outcome_of
from uploadlab.presenting.figures import counted, grouped, percent
from uploadlab.presenting.repeat import command_words
from uploadlab.presenting.version_answer import change_text

REGRESSIONS = BENCHMARK / "regressions.toml"
"""What was looked for, with the kept run that shows it."""
SAME_VERSION = BENCHMARK / "same_version"
SAME_VERSION_RESULTS = SAME_VERSION / "results.jsonl"
"""The committed run of ``./scripts/same-version``."""
BREAK = "<br>"
BAD = (Verdict.LOSS, Verdict.FAIL)


class Regression(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of another project's package, as an entry of regressions.toml."""

    change: str
    known_as: str
    """The issue or the advisory; what is new here says so."""
    runs: list[str]
    """Kept runs: a comparison, or checks with a version each."""


class SameVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison of a version with itself."""

    side: str
    place: str
    seed: int
    day: str
    rounds: int
    """The fewest of its methods."""
    effects: dict[str, Effect]
    """By method."""
    resolution: float
    """The share that a difference of speed must exceed to be seen: of the noisiest method."""


def load_regressions(path: Path = REGRESSIONS) -> list[Regression]:
    """Return the declared regressions; raise msgspec.ValidationError."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Regression]])["regressions"]


@page_part
def regressions() -> str:
    """Return each change that was looked for, with what the lab says of it."""
    rows = [
        [entry.change, entry.known_as, BREAK.join(line for name in entry.runs for line in shown_by(name))]
        for entry in load_regressions()
    ]
    return untitled(["change", "known as", "what the lab measured"], rows)


@page_part
def regression_commands() -> str:
    """Return the command of each kept run, to measure it again."""
    commands = [
        shlex.join([program(), *command_words(order_to_repeat(kept(name).run))])
        for entry in load_regressions()
        for name in entry.runs
    ]
    return "```sh\n" + "\n".join(commands) + "\n```\n"


def order_to_repeat(run: Run) -> Order:
    """Return the order of a kept run, without its seed."""
    return msgspec.structs.replace(run.order or Order(), seed=None)


def shown_by(name: str) -> list[str]:
    """Return what a kept run says, a line for each cell that a reader has to know."""
    stored = kept(name)
    if stored.run.comparison:
        return [
            f"`{line.method}` with {group.label_in_full(line.name)}: "
            + (line.instead or change_text(line) or str(outcome_of(line)).lower())
            for group in found(stored.run, stored.rows)
            for line in group.lines
        ]
    order = stored.run.order or Order(kind=Kind.CHECK)
    with_packages = ", ".join(order.with_packages) or "the lab's versions"
    cells = grouped(((row.case, row.deployment), row) for row in latest(stored.checks))
    return [
        f"`{case}` on {deployment} with {with_packages}: {cell_in_words(rows)}"
        for (case, deployment), rows in cells.items()
    ]


def cell_in_words(rows: Iterable[Check]) -> str:
    """Return how a cell of the check ended: what the worst of its attempts did, and how many did so."""
    rows = list(rows)
    bad = [row for row in rows if row.verdict in BAD]
    if not bad:
        return f"passes, {counted(len(rows), 'attempt')}"
    texts = Counter(
        f"{f'{row.verdict}, ' if row.verdict is Verdict.LOSS else ''}{row.text.partition(':')[0]}"
        for row in bad
    )
    return f"{len(bad)} of {counted(len(rows), 'attempt')} fail: {'; '.join(texts)}"


@page_part
def same_version() -> str:
    """Return how comparisons of one version with itself ended."""
    if not SAME_VERSION_RESULTS.exists():
        return "No run is kept yet.\n"
    results = read_same_versions(SAME_VERSION_RESULTS)
    rows = []
    for (side, place), those in grouped(((result.side, result.place), result) for result in results).items():
        same = sum(is_same(result) for result in those)
        finest, coarsest = (end(result.resolution for result in those) for end in (min, max))
        rows.append([side, place, str(len(those)), str(same), f"±{percent(finest)} to ±{percent(coarsest)}"])
    total = sum(map(is_same, results))
    rows.append(["all", "", str(len(results)), str(total), ""])
    header = ["version, compared with itself", "on", "comparisons", "no difference", "least difference seen"]
    return untitled(header, rows)


def is_same(result: SameVersion) -> bool:
    """Return whether each method of a comparison was judged, and showed no difference."""
    return bool(result.effects) and set(result.effects.values()) == {Effect.SAME}


def read_same_versions(path: Path) -> list[SameVersion]:
    """Return the results of comparisons of one version with itself; raise msgspec.DecodeError."""
    return [msgspec.json.decode(line, type=SameVersion) for line in path.read_bytes().splitlines()]
