"""The command behind ``scripts/knobs``: every value of configs/knobs.toml, in a run of its own kind."""

import tempfile
from pathlib import Path

import click
import msgspec

from uploadlab import program, session
from uploadlab.console import Screen
from uploadlab.deployments import load_deployments
from uploadlab.knobs import Knob, load_knobs, variants
from uploadlab.lab import Draft, Order
from uploadlab.load.steps import Load, plan_steps
from uploadlab.load.workers import Workers, as_many_as_fit
from uploadlab.model import Cell, Deployment, Planned, Step, Target, UsageError
from uploadlab.paths import COMPOSE, DATA, KNOBS, ROOT, TURNED
from uploadlab.plan import Choice, Plan
from uploadlab.processes import Processes
from uploadlab.program import Stopped
from uploadlab.session import Setting
from uploadlab.units import parse_size, positive

PROGRAM = "knobs"
SPEED, CHECK = "knobs", "knobs-check"
"""The runs' plans."""
WARMUP = "8MiB"
LOAD = Load(methods=["request.stream"], sizes=["1MiB"], users=[])


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", metavar="TEXT", help="Only those whose deployment or option contains it.")
@click.option("--rounds", type=int, default=9, show_default=True)
@click.option("--seed", type=int, help="The order of a run to repeat.  [default: random, stored]")
@click.option("--out", type=click.Path(path_type=Path), default=TURNED, help="Folder of the runs.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=DATA, help="Where uploads are stored.")
def command(only: str | None, rounds: int, seed: int | None, out: Path, data_dir: Path) -> None:
    """Turn one knob at a time: values of configs/knobs.toml against what is shipped, as processes.

    One run is of speed and of many users, another of what arrives.
    """
    positive("--rounds", rounds)
    declared = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(declared))
    knobs = [one for one in knobs if not only or only in f"{one.deployment} {one.option}"]
    if not knobs:
        raise UsageError(f"--only {only!r}: no deployment or option in configs/{KNOBS.name} contains it")
    setting = Setting(data_dir, Workers(as_many_as_fit()))
    with Processes() as processes, tempfile.TemporaryDirectory(prefix="uploadlab-") as folder:
        screen = Screen()
        try:
            for drafted in drafts(knobs, declared, rounds, seed, Path(folder)):
                session.measure(drafted, out, setting, processes, screen)
        except Stopped:
            raise Stopped(f"stopped; what was measured is in {out}") from None


def drafts(
    knobs: list[Knob], declared: dict[str, Deployment], rounds: int, seed: int | None, folder: Path
) -> list[Draft]:
    """The runs that these knobs need, and no empty one; raises UsageError."""
    turned = [
        (knob, msgspec.structs.replace(one, next=[]))  # uploads are passed on to nobody
        for knob in knobs
        for one in (declared[knob.deployment], *variants(knob, declared[knob.deployment], ROOT, folder))
    ]
    measured = [(knob, one) for knob, one in turned if knob.methods or knob.users]
    checked = [(knob, one) for knob, one in turned if knob.cases]
    found = []
    if measured:
        plan = Plan(title="One setting at a time.")
        cells = dict.fromkeys(cell for knob, one in measured for cell in _cells(knob, one))
        planned = [Planned(cell, rounds, parse_size(WARMUP)) for cell in cells]
        steps = list(dict.fromkeys(step for knob, one in measured for step in _steps(knob, one)))
        order = Order(SPEED, Choice(), None, {}, seed)
        found.append(_draft(order, plan, planned, steps, [one for _, one in measured]))
    if checked:
        cases = list(dict.fromkeys(case for knob, _ in checked for case in knob.cases))
        order = Order(CHECK, Choice(), None, {}, seed, checks=cases)
        found.append(_draft(order, Plan(title=""), [], [], [one for _, one in checked]))
    return found


def _draft(
    order: Order, plan: Plan, cells: list[Planned], steps: list[Step], deployments: list[Deployment]
) -> Draft:
    once = list({one.name: one for one in deployments}.values())
    return Draft(order, plan, cells, steps, [_target(one) for one in once], once)


def _target(one: Deployment) -> Target:
    return Target(one.name, "", one.tier, one.accepts)


def _cells(knob: Knob, one: Deployment) -> list[Cell]:
    return [Cell(one.name, method, parse_size(knob.size)) for method in knob.methods]


def _steps(knob: Knob, one: Deployment) -> list[Step]:
    return plan_steps(LOAD, [_target(one)], None, None, [knob.users]) if knob.users else []


def main() -> None:
    """Run the command."""
    program.run(command, PROGRAM)


if __name__ == "__main__":
    main()
