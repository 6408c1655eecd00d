"""The command ``list``: what there is to choose from."""

import click

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.commands import options
from uploadlab.declared.compose import load_deployments
from uploadlab.declared.plans import load_plan
from uploadlab.paths import COMPOSE, PLANS
from uploadlab.presenting.terminal import Screen


def _deployments() -> dict[str, str]:
    found = load_deployments(COMPOSE).values()
    return {deployment.name: f"{deployment.tier}: {deployment.why}" for deployment in found}


def _methods() -> dict[str, str]:
    return {name: method.description for name, method in METHODS.items()}


def _plans() -> dict[str, str]:
    return {path.stem: load_plan(path.stem, PLANS).title for path in sorted(PLANS.glob("*.toml"))}


def _cases() -> dict[str, str]:
    return {name: case.description for name, case in CASES.items()}


LISTS = {"deployments": _deployments, "methods": _methods, "plans": _plans, "cases": _cases}


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab list
  lab list methods
""",
)
@click.argument("what", type=click.Choice(list(LISTS)), required=False)
def command(what: str | None) -> None:
    """List deployments, methods, plans, cases."""
    for name in [what] if what else LISTS:
        rows = LISTS[name]()
        width = max(map(len, rows), default=0)
        lines = [f"  {row:<{width}}  {text}" for row, text in rows.items()]
        Screen().text([f"{name.capitalize()}:", *lines, ""])
