"""An order as the command that the user types, and the section of a report that shows it."""

import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.paths import program
from uploadlab.presenting.document import Section
from uploadlab.presenting.target_words import spec_words
from uploadlab.storage.reader import StoredRun

ARGUMENTS = ("kind", "configs")
"""Fields that are words of their own, not options."""
PERCENT = ("within", "fail_above")


def repeating(run: Run) -> list[str]:
    """Return the words of the command that repeats a run, with its seed and its runtime."""
    order = run.order or Order()
    if order.kind is not Kind.CHECK:
        order = msgspec.structs.replace(order, seed=run.seed)
    runtime = ["--runtime", run.runtime] if order.kind is not Kind.KNOBS else []
    return [*command_words(order), *runtime]


def command_words(order: Order) -> list[str]:
    """Return the words behind ``./scripts/lab`` that give this order."""
    defaults = Order()
    words = [str(order.kind), *order.configs]
    for field in order.__struct_fields__:
        value = getattr(order, field)
        if field not in ARGUMENTS and value != getattr(defaults, field):
            words += _option(field, value)
    return words


def _option(field: str, value: Any) -> list[str]:
    name = f"--{field.replace('_', '-')}"
    if field == "targets":
        return [word for target, url in value.items() for word in ("--target", f"{target}={url}")]
    if field == "spec":
        return spec_words(value)
    if isinstance(value, bool):
        return [name]
    if isinstance(value, list):
        return [name, ",".join(map(str, value))]
    if isinstance(value, float):
        return [name, f"{100 * value:g}%" if field in PERCENT else f"{value:g}"]
    return [name, str(value)]


def commands(stored: StoredRun) -> Section | None:
    """Return the section, or None if run.json is lost."""
    run = stored.run
    if not run.order:
        return None
    texts = {"The same again": shlex.join([program(), *repeating(run)])}
    if not run.comparison and (missing := _missing(run, stored.rows)):
        texts[f"What is missing: {missing} uploads"] = shlex.join([program(), "resume", run.id])
    texts["This report"] = shlex.join([program(), "report", run.id])
    intro = "From the root of the checkout."
    if private := [target.name for target in run.targets if target.private]:
        intro += f" Add the login or query of {', '.join(private)} to the URL: it is not stored."
    if run.order.spec and run.order.spec.secret_names:
        intro += " Put the values in place of `...`: they are not stored."
    if run.order.kind is Kind.RUN:
        intro += " The seed gives the same order; figures are compared within one run only."
    return Section("repeat", "To repeat it", [intro], texts=texts)


def _missing(run: Run, rows: Sequence[Measurement]) -> int:
    """Return how many uploads have no row yet, or a row that says that they could not be tried."""
    rounds = {planned.cell.id: planned.rounds for planned in run.cells}
    done = {
        (row.cell_id, row.round)
        for row in rows
        if row.status is not Status.UNAVAILABLE and 0 < row.round <= rounds.get(row.cell_id, 0)
    }
    return sum(rounds.values()) - len(done)
