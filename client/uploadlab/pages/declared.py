"""Parts that come from what is declared: cases, goals, settings, recipes."""

import ast
from collections.abc import Sequence
from pathlib import Path

from uploadlab.analysis.cells import GB
from uploadlab.analysis.load import summarize_load
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.goals import load_goals
from uploadlab.declared.knobs import load_knobs
from uploadlab.declared.plans import load_plan
from uploadlab.model.deployments import Deployment, Target
from uploadlab.model.order import Order
from uploadlab.pages.part import folder, measurements, part, plain, run, titled, where
from uploadlab.pages.settings_tables import Turned, settings_table
from uploadlab.paths import COMPOSE, KNOBS, PLANS, RATIOS, RECIPES, ROOT
from uploadlab.planning.cells import plan_cells
from uploadlab.presenting.markdown import markdown
from uploadlab.presenting.tables import goal_table

LANGUAGES = {".py": "python", ".ini": "ini", ".conf": "nginx"}


@part
def methods() -> str:
    """All methods, with what they do."""
    return plain(["method", "what it is"], [[f"`{one.name}`", one.description] for one in METHODS.values()])


@part
def plans() -> str:
    """All plans, with their titles."""
    names = sorted(path.stem for path in PLANS.glob("*.toml"))
    return plain(["plan", "what it is for"], [[f"`{name}`", load_plan(name, PLANS).title] for name in names])


@part
def sends(name: str) -> str:
    """How much a plan sends to all deployments together, warm-ups left out."""
    targets = [Target(one.name, "", one.tier, one.accepts, next=one.next) for one in _declared().values()]
    cells = plan_cells(load_plan(name, PLANS), Order(), targets)
    sent = sum(one.cell.size_bytes * one.rounds for one in cells) / GB
    return f"Plan `{name}` sends {sent:.0f} GB to the servers, and keeps none of it.\n"


def _declared() -> dict[str, Deployment]:
    return load_deployments(COMPOSE)


@part
def goals() -> str:
    """What is divided by what, and what is asked of it."""
    return markdown(goal_table(load_goals(RATIOS))) + "\n"


@part
def cases() -> str:
    """All rows of the grid, with what they send."""
    rows = [[f"`{one.name}`", one.kind, one.description] for one in CASES.values()]
    return plain(["case", "kind", "what is sent"], rows)


@part
def settings() -> str:
    """Each deployment's settings, with what the committed runs of the knobs say of them."""
    declared = _declared()
    knobs = load_knobs(KNOBS, list(declared))
    tables = [
        settings_table(one, list(config_texts(ROOT, [one]).values()), knobs, turned())
        for one in declared.values()
    ]
    texts = [titled(one) for one in tables if one.rows]
    return "\n".join([*texts, f"From runs of `./scripts/knobs`, {where('knobs')}.\n"])


def turned() -> Turned:
    """What the committed runs of the knobs recorded."""
    speed = folder("knobs")
    steps = summarize_load(run("knobs"), speed.read_steps(), speed.read_uploads())
    return Turned(run("knobs"), measurements("knobs"), steps, folder("knobs-check").read_checks())


@part
def excerpt(name: str, *wanted: str) -> str:
    """Functions of a recipe, or the lines of one that set these options."""
    text = (RECIPES / name).read_text()
    found = _functions(text, wanted) if name.endswith(".py") else _options(text, wanted)
    if len(found) != len(wanted):
        raise ValueError(f"{name} has not all of {', '.join(wanted)}")
    between = "\n\n\n" if name.endswith(".py") else "\n"
    return f"```{LANGUAGES[Path(name).suffix]}\n{between.join(found)}\n```\n"


def _functions(text: str, wanted: Sequence[str]) -> list[str]:
    """With their decorators."""
    lines = text.splitlines()
    found = [one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef) and one.name in wanted]
    first = [min([one.lineno, *(of.lineno for of in one.decorator_list)]) for one in found]
    return ["\n".join(lines[begin - 1 : one.end_lineno]) for begin, one in zip(first, found, strict=True)]


def _options(text: str, wanted: Sequence[str]) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.split()[:1] and line.split()[0] in wanted]


@part
def recipe(name: str) -> str:
    """A file of docs/recipes, to be copied."""
    text = (RECIPES / name).read_text().rstrip()
    code = f"```{LANGUAGES[Path(name).suffix]}\n{text}\n```"
    return f"<details><summary>{name}</summary>\n\n{code}\n\n</details>\n"
