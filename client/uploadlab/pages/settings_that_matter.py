"""The settings whose change shows: what fails or passes then, or how much slower an upload is."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.knobs import Knob, load_knobs
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import REFERENCE
from uploadlab.pages.declared import turned
from uploadlab.pages.part import page_part, untitled
from uploadlab.pages.settings_tables import (
    Turned,
    case_result,
    knob_ratios,
    option_row,
    slowest_of_many,
)
from uploadlab.paths import COMPOSE, KNOBS, ROOT
from uploadlab.presenting.figures import percent
from uploadlab.presenting.grid import SEVERITY

CLEARLY_SLOWER = 0.9
"""The high end of the interval of a rate, as a multiple of the rate with the shipped setting."""
CLEARLY_LONGER = 2.0
"""The slowest upload of many, as a multiple of the slowest with the shipped setting."""


class ValueEffect(NamedTuple):
    """What changing a setting does, with its rank: the smallest is the worst."""

    rank: tuple[int, float]
    text: str


@page_part
def settings_that_matter() -> str:
    """Return each setting whose change fails or fixes uploads, or makes them clearly slower, the worst first.

    Of a setting's values, only the worst is shown.
    """
    deployments = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(deployments))
    worst: dict[tuple[str, str], tuple[ValueEffect, list[str]]] = {}
    for knob in knobs:
        deployment = deployments[knob.deployment]
        if deployment.tier == REFERENCE:
            continue
        records, texts = turned(), config_texts(ROOT, [deployment])
        text, default, *_ = option_row(deployment, texts, knobs, knob.option, records)
        shipped = f"{text} (default: {default})" if default and text.startswith("no ") else text
        for value in knob.values:
            if effects := effects_of(knob, value, records):
                changed = f"`{value.removeprefix('configs/')}`" if value else "without"
                seen = "; ".join(effect.text for effect in effects)
                row = (effects[0], [f"`{knob.deployment}`", shipped, changed, seen])
                key = knob.deployment, knob.option
                worst[key] = min(row, worst.get(key, row))
    rows = [row for _, row in sorted(worst.values())]
    return untitled(["deployment", "as shipped", "changed to", "then"], rows)


def effects_of(knob: Knob, value: str, records: Turned) -> list[ValueEffect]:
    """Return what a value fails, fixes or makes clearly slower, the worst first."""
    return sorted(_effects(knob, value, records))


def _effects(knob: Knob, value: str, records: Turned) -> Iterator[ValueEffect]:
    for case in knob.cases:
        yield from _on_case(
            case, *(_tried(records, name, case) for name in (knob.name(value), knob.deployment))
        )
    for method in knob.methods:
        for row in knob_ratios(knob, value, method, records):
            if row.interval and row.interval.high < CLEARLY_SLOWER:
                text = f"`{method}` has {percent(row.interval.value)} of the speed"
                yield ValueEffect((len(SEVERITY), row.interval.value), text)
    if knob.users and (slowest := slowest_of_many(knob, value, records)):
        mine, shipped, _ = slowest
        if mine >= CLEARLY_LONGER * shipped > 0:
            text = (
                f"of {knob.users} uploads at once, the slowest 1% take over {mine:.2f} s, not {shipped:.2f} s"
            )
            yield ValueEffect((len(SEVERITY), shipped / mine), text)


def _on_case(case: str, mine: Sequence[Check], shipped: Sequence[Check]) -> Iterator[ValueEffect]:
    """Yield what happened to a case, where another verdict came of it than with the shipped setting."""
    if not (mine and shipped):
        return
    verdicts = [_worst(rows) for rows in (mine, shipped)]
    if verdicts[0] != verdicts[1]:
        text = f"`{case}`: {case_result(mine)}; as shipped: {case_result(shipped)}"
        yield ValueEffect((-max(map(SEVERITY.index, verdicts)), 0.0), text)


def _tried(records: Turned, name: str, case: str) -> list[Check]:
    return [row for row in records.checks if (row.deployment, row.case) == (name, case)]


def _worst(rows: Sequence[Check]) -> Verdict:
    return max((row.verdict for row in rows), key=SEVERITY.index)
