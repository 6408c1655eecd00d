"""Parts that come from what is declared: cases, goals, settings, recipes."""

import ast
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path

from uploadlab.analysis.cells import GB
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.clients import LAB_METHODS
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.goals import load_goals
from uploadlab.declared.knobs import load_knobs
from uploadlab.declared.plans import load_plan
from uploadlab.model.order import Order
from uploadlab.pages.part import (
    kept,
    kept_steps,
    page_part,
    titled,
    untitled,
    where_measured,
)
from uploadlab.pages.settings_tables import Turned, settings_table
from uploadlab.paths import COMPOSE, KNOBS, PLANS, RATIOS, RECIPES, ROOT
from uploadlab.planning.draft import draft
from uploadlab.presenting.markdown import markdown
from uploadlab.presenting.tables import goal_table
from uploadlab.units import format_seconds

LANGUAGES = {".py": "python", ".ini": "ini", ".conf": "nginx"}


@page_part
def methods() -> str:
    """Return the lab's own methods, with what they do."""
    rows = [[f"`{method.name}`", method.description] for method in LAB_METHODS.values()]
    return untitled(["method", "what it is"], rows)


@page_part
def plans() -> str:
    """Return all plans, with their titles."""
    names = sorted(path.stem for path in PLANS.glob("*.toml"))
    rows = [[f"`{name}`", load_plan(name, PLANS).title] for name in names]
    return untitled(["plan", "what it is for"], rows)


@page_part
def sends(name: str) -> str:
    """Return how much a plan sends to all deployments together, warm-ups left out, and for how long."""
    plan = load_plan(name, PLANS)
    planned = draft(Order(plan=name)).cells
    sent = f"{sum(cell.size_bytes * rounds for cell, rounds, _ in planned) / GB:.0f} GB"
    if plan.minutes:
        sent = f"for at most {format_seconds(60 * plan.minutes)}, at most {sent},"
    return f"Plan `{name}` uploads {sent} and deletes all of it.\n"


@page_part
def goals() -> str:
    """Return the ratios that have goals, with the goals."""
    return markdown(goal_table(load_goals(RATIOS))) + "\n"


@page_part
def cases() -> str:
    """Return all rows of the grid, with what they send."""
    rows = [[f"`{case.name}`", case.kind, case.description] for case in CASES.values()]
    return untitled(["case", "kind", "what is sent"], rows)


@page_part
def client_cases() -> str:
    """Return all rows of the grid of clients, with what is out of the ordinary."""
    rows = [[f"`{case.name}`", case.kind, case.description] for case in CLIENT_CASES.values()]
    return untitled(["case", "about the", "what happens"], rows)


@page_part
def all_settings() -> str:
    """Return each deployment's settings, with what the kept run of the knobs says of them.

    A config of several deployments is shown at the first of them.
    """
    deployments = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(deployments))
    tables, shown = [], set[str]()
    for deployment in deployments.values():
        texts = config_texts(ROOT, [deployment])
        own = {path: text for path, text in texts.items() if path not in shown}
        shown |= set(texts)
        tables.append(settings_table(deployment, own, knobs, turned()))
    parts = [titled(table) for table in tables if table.rows]
    return "\n".join([*parts, f"From a run of `./scripts/lab knobs`, {where_measured('knobs')}.\n"])


def turned() -> Turned:
    """Return what the kept run of the knobs recorded."""
    return Turned(kept("knobs").run, kept("knobs").rows, kept_steps("knobs"), kept("knobs-check").checks)


@page_part
def excerpt(name: str, *wanted: str) -> str:
    """Return functions, classes, methods or constants of a recipe, or its lines that set these options.

    The option is the first or second word of its line.
    """
    text = (RECIPES / name).read_text()
    if name.endswith(".py"):
        between, found = "\n\n\n", list(_definitions(text, wanted))
    else:
        lines = [line.strip() for line in text.splitlines()]
        between, found = "\n", [line for line in lines if set(line.split()[:2]) & set(wanted)]
    if len(found) != len(wanted):
        raise ValueError(f"{name} has not all of {', '.join(wanted)}")
    return _code_block(name, between.join(found))


def _definitions(text: str, wanted: Collection[str]) -> Iterator[str]:
    """Yield the code that makes these names in a module; the name of a method is ``Class.method``."""
    lines, top = text.splitlines(), ast.parse(text).body
    nodes = [("", node) for node in top]
    nodes += [(f"{made.name}.", node) for made in top if isinstance(made, ast.ClassDef) for node in made.body]
    for prefix, node in nodes:
        if prefix + _name_of(node) in wanted:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(above.lineno for above in decorators)])
            yield textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))


def _name_of(node: ast.stmt) -> str:
    """Return the name that a statement makes; empty for statements of other kinds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""


@page_part
def recipe(name: str) -> str:
    """Return a file of docs/recipes, to be copied."""
    code = _code_block(name, (RECIPES / name).read_text().rstrip())
    return f"<details><summary>{name}</summary>\n\n{code}\n</details>\n"


def _code_block(name: str, text: str) -> str:
    return f"```{LANGUAGES[Path(name).suffix]}\n{text}\n```\n"
