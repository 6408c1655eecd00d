"""Parts that show what a terminal shows: a run's answer, and the command that repeats the run."""

import shlex
import textwrap

import msgspec
from rich.text import Text

from uploadlab.declared.compose import load_deployments
from uploadlab.declared.goals import declared_goals
from uploadlab.model.deployments import CORE
from uploadlab.model.order import Order
from uploadlab.model.runs import Run
from uploadlab.pages.kept_runs import load_kept_runs
from uploadlab.pages.part import kept, page_part, where_measured
from uploadlab.paths import COMPOSE, program
from uploadlab.presenting.composition import compose
from uploadlab.presenting.repeat import repeating
from uploadlab.presenting.terminal import MOST_LINES
from uploadlab.presenting.terminal_answer import answer_lines
from uploadlab.units import format_seconds, parse_size

COLUMNS = 80
"""Of the terminal that pages show, and of commands."""


@page_part
def answer(name: str) -> str:
    """Return the end of a kept run as a terminal of 80 columns shows it, and where it was measured."""
    lines = [line.plain.rstrip() for line in answer_text(name)]
    return "\n".join(["```", *lines, "```", "", measured_where(name), ""])


def answer_text(name: str) -> list[Text]:
    """Return the lines of a kept run's answer."""
    return answer_lines(compose(kept(name), declared_goals()), COLUMNS, MOST_LINES)


def measured_where(name: str) -> str:
    """Return where and when a kept run was measured, and in which time."""
    summary = compose(kept(name), declared_goals()).summary
    seconds = (
        f", in {format_seconds(summary.duration_seconds)}" if summary and summary.duration_seconds else ""
    )
    return f"Measured with {where_measured(name)}{seconds}."


@page_part
def measured_by(name: str) -> str:
    """Return the command that measures a kept run again, as a sentence."""
    (command,) = [run.command for run in load_kept_runs() if name in run.names]
    return f"`{program()} {command}` measures this again.\n"


@page_part
def again(name: str, size: str) -> str:
    """Return the command that measures the cells of a kept run at this size again."""
    command = shlex.join([program(), *repeating(_at_size(kept(name).run, size))])
    lines = textwrap.wrap(command, COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "```sh\n" + " \\\n  ".join(lines) + "\n```\n"


def _at_size(run: Run, size: str) -> Run:
    """Return the run with an order of these cells alone, in which a list that names all is left out."""
    cells = [planned.cell for planned in run.cells if planned.cell.size_bytes == parse_size(size)]
    core = {made.name for made in load_deployments(COMPOSE).values() if made.group == CORE}
    every = {cell.deployment for cell in cells} >= core
    order = msgspec.structs.replace(
        run.order or Order(),
        deployments=None if every else list(dict.fromkeys(cell.deployment for cell in cells)),
        methods=list(dict.fromkeys(cell.method for cell in cells)),
        sizes=[size],
        load=False,
        users=None,
    )
    return msgspec.structs.replace(run, order=order)
