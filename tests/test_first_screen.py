"""The README's first screen: a command, its answer, the picture; then a table that can be repeated."""

import re
import shlex

import pytest
from uploadlab import session
from uploadlab.commands.main import lab as lab_command
from uploadlab.declared.plans import load_plan
from uploadlab.model.measurements import Status
from uploadlab.pages.answer import COLUMNS
from uploadlab.pages.part import kept
from uploadlab.paths import DOCS, PLANS
from uploadlab.planning.draft import Draft
from uploadlab.units import parse_size

from .pages import FENCED, README, blocks

TEXT = README.read_text()
FIRST_SCREEN = "".join(TEXT.splitlines(keepends=True)[:60])


def drafted(command: str, monkeypatch: pytest.MonkeyPatch) -> Draft:
    """What a command of the README asks for."""
    asked: list[Draft] = []
    monkeypatch.setattr(session, "start", lambda draft, *_: asked.append(draft))
    _, *words = shlex.split(command)
    lab_command.main(words, prog_name="lab", standalone_mode=False)
    return asked[0]


def test_it_has_a_command_its_answer_and_the_picture_in_this_order() -> None:
    places = [FIRST_SCREEN.index(text) for text in ("run-matrix.sh --plan first", "\nLost ", "<picture>")]
    assert places == sorted(places)


def test_the_answer_is_that_of_the_command_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = next(blocks(README))
    asked, run = drafted(command, monkeypatch), kept("first").run
    assert (asked.order.plan_name, run.plan) == ("first", "first")
    assert {(planned.cell, planned.rounds) for planned in asked.cells} == {
        (planned.cell, planned.rounds) for planned in run.cells
    }
    sent = sum(planned.cell.size_bytes * planned.rounds for planned in run.cells)
    assert sent < 12e9  # a slow machine sends that in less than a minute


def test_the_answer_fits_into_a_terminal_and_names_what_was_lost() -> None:
    _, _, answer = FENCED.findall(FIRST_SCREEN)[1]
    assert max(map(len, answer.splitlines())) <= COLUMNS
    assert len(answer.splitlines()) <= 25
    lost = {row.deployment for row in kept("first").rows if row.status is Status.WRONG}
    assert lost
    assert all(name in answer for name in lost)


def test_the_command_beside_the_table_measures_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = r"<!-- begin: tables quick (\S+) -->\n.*?<!-- begin: again quick \1 -->\n```sh\n(.*?)```"
    found = re.search(pattern, TEXT, re.DOTALL)
    assert found
    run = kept("quick").run
    shown = {planned.cell for planned in run.cells if planned.cell.size_bytes == parse_size(found[1])}
    (command,) = found[2].replace("\\\n", " ").splitlines()
    asked = drafted(command, monkeypatch)
    assert (asked.order.seed, asked.order.rounds) == (run.seed, run.order and run.order.rounds)
    assert shown
    assert shown <= {planned.cell for planned in asked.cells}


def test_every_plan_that_the_readme_names_is_there() -> None:
    for name in re.findall(r"--plan (\S+)", TEXT):
        assert load_plan(name, PLANS).title
    assert f"| `first` | {load_plan('first', PLANS).title} |" in (DOCS / "usage.md").read_text()
