"""Parts that come from what is declared: cases, goals, settings, recipes."""

from pathlib import Path

from uploadlab.check.cases import CASES
from uploadlab.deployments import config_texts, load_deployments
from uploadlab.effects import Turned, settings_table
from uploadlab.goals import load_goals
from uploadlab.knobs import load_knobs
from uploadlab.load.summary import summarize_load
from uploadlab.methods import METHODS
from uploadlab.pages.part import folder, host, measurements, part, plain, run, titled
from uploadlab.paths import COMPOSE, KNOBS, RATIOS, RECIPES, ROOT
from uploadlab.table import goal_table, markdown

LANGUAGES = {".py": "python", ".ini": "ini", ".conf": "nginx"}


@part
def methods() -> str:
    """All methods, with what they do."""
    return plain(["method", "what it is"], [[f"`{one.name}`", one.description] for one in METHODS.values()])


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
    declared = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(declared))
    tables = [
        settings_table(one, list(config_texts(ROOT, [one]).values()), knobs, turned())
        for one in declared.values()
    ]
    texts = [titled(one) for one in tables if one.rows]
    return "\n".join([*texts, f"From runs of `./scripts/knobs`, {host('knobs')}.\n"])


def turned() -> Turned:
    """What the committed runs of the knobs recorded."""
    speed = folder("knobs")
    steps = summarize_load(run("knobs"), speed.read_steps(), speed.read_uploads())
    return Turned(run("knobs"), measurements("knobs"), steps, folder("knobs-check").read_checks())


@part
def recipe(name: str) -> str:
    """A file of docs/recipes, to be copied."""
    text = (RECIPES / name).read_text().rstrip()
    return f"[{name}](recipes/{name})\n\n```{LANGUAGES[Path(name).suffix]}\n{text}\n```\n"
