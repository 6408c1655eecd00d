"""Parts that show what a terminal shows: a run's answer, and the command that repeats the run."""

import shlex
import textwrap
from collections.abc import Iterable

import msgspec

from uploadlab.declared.goals import declared_goals
from uploadlab.declared.plans import load_plan
from uploadlab.model.cells import Planned
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.pages.part import kept, page_part, where_measured
from uploadlab.paths import PLANS, program
from uploadlab.planning.cells import plan_cells
from uploadlab.presenting.composition import compose
from uploadlab.presenting.repeat import repeating
from uploadlab.presenting.terminal import MOST_LINES
from uploadlab.presenting.terminal_answer import answer_lines
from uploadlab.units import format_seconds

COLUMNS = 80
"""Of the terminal that pages show, and of commands."""


@page_part
def answer(name: str) -> str:
    """Return the end of a kept run as a terminal of 80 columns shows it, and where it was measured."""
    document = compose(kept(name), declared_goals())
    lines = [line.plain.rstrip() for line in answer_lines(document, COLUMNS, MOST_LINES)]
    took = document.summary and document.summary.duration_seconds
    seconds = f", in {format_seconds(took)}" if took else ""
    return "\n".join(["```", *lines, "```", "", f"Measured with {where_measured(name)}{seconds}.", ""])


@page_part
def again(name: str) -> str:
    """Return the command that repeats a kept run, in lines that fit into a page."""
    run = kept(name).run
    command = shlex.join([program(), *repeating(_in_short(run))])
    lines = textwrap.wrap(command, COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "```sh\n" + " \\\n  ".join(lines) + "\n```\n"


def _in_short(run: Run) -> Run:
    """Return the run with an order that leaves out names, if its plan means the same ones without them."""
    order = run.order or Order()
    if order.kind is not Kind.RUN:
        return run
    short = msgspec.structs.replace(order, deployments=None, methods=None)
    planned = plan_cells(load_plan(order.plan_name, PLANS), short, run.targets)
    is_same = _pairs(planned) == _pairs(run.cells)
    return msgspec.structs.replace(run, order=short) if is_same else run


def _pairs(planned: Iterable[Planned]) -> set[tuple[str, str]]:
    return {(cell.deployment, cell.method) for cell, *_ in planned}
