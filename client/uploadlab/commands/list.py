"""The command ``list``: what there is to choose from."""

from collections.abc import Iterator, Mapping
from textwrap import wrap

import click

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.clients import CLIENT_METHODS, LAB_METHODS
from uploadlab.commands.lab_command import LabCommand
from uploadlab.declared.compose import load_deployments
from uploadlab.declared.links import load_links
from uploadlab.declared.plans import load_plan
from uploadlab.paths import COMPOSE, PLANS
from uploadlab.presenting.figures import rate_of_link
from uploadlab.presenting.streams import columns, print_lines
from uploadlab.selection import check


def _deployments() -> dict[str, str]:
    found = load_deployments(COMPOSE).values()
    return {made.name: f"{made.group}, {made.tier}: {made.why}" for made in found}


def _methods() -> dict[str, str]:
    return {name: method.description for name, method in LAB_METHODS.items()}


def _clients() -> dict[str, str]:
    return {name: method.description for name, method in CLIENT_METHODS.items()}


def _plans() -> dict[str, str]:
    return {path.stem: load_plan(path.stem, PLANS).title for path in sorted(PLANS.glob("*.toml"))}


def _links() -> dict[str, str]:
    found = load_links().values()
    return {
        link.name: f"{rate_of_link(link.up)} up, {rate_of_link(link.down)} down: {link.title}"
        for link in found
    }


def _cases() -> dict[str, str]:
    return {name: case.description for name, case in CASES.items()}


def _client_cases() -> dict[str, str]:
    return {name: case.description for name, case in CLIENT_CASES.items()}


LISTS = {
    "deployments": _deployments,
    "methods": _methods,
    "clients": _clients,
    "plans": _plans,
    "links": _links,
    "cases": _cases,
    "client-cases": _client_cases,
}


@click.command(
    cls=LabCommand,
    epilog="""\b
Examples:
  lab list
  lab list methods
""",
)
@click.argument("what", required=False, metavar="[NAME]")
def command(what: str | None) -> None:
    """List what other commands take by name.

    NAME is one list: deployments, methods, clients, plans, links, cases or client-cases. Without it,
    all are printed.
    """
    if what:
        check("list", what, LISTS)
    for number, name in enumerate([what] if what else LISTS):
        title = f"{name.capitalize()}:"
        print_lines([*([""] if number else []), title, *_lines(LISTS[name](), columns())])


def _lines(rows: Mapping[str, str], width_of_screen: int) -> Iterator[str]:
    """Yield a line for each row, and more where its text does not fit: these begin below the text."""
    width = max(map(len, rows), default=0)
    for name, text in rows.items():
        first, below = f"  {name:<{width}}  ", " " * (width + 4)
        yield from wrap(text or "-", width_of_screen, initial_indent=first, subsequent_indent=below)
