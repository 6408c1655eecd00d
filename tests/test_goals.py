"""configs/ratios.toml: what may stand in it, and that plans have what it asks for."""

from pathlib import Path

import pytest
from uploadlab import session
from uploadlab.analysis.ratios import cells_of
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.catalogue.clients import LAB_METHODS
from uploadlab.catalogue.methods import METHODS, OWN_METHODS
from uploadlab.catalogue.resumable import RESUMABLE
from uploadlab.declared.goals import load_goals
from uploadlab.declared.links import load_links
from uploadlab.declared.plans import load_plan
from uploadlab.errors import UsageError
from uploadlab.load.workers import Workers
from uploadlab.model.deployments import REFERENCE, Target
from uploadlab.model.order import Order
from uploadlab.paths import PLANS, RATIOS
from uploadlab.planning.cells import plan_cells
from uploadlab.planning.draft import draft
from uploadlab.presenting.terminal import Screen
from uploadlab.selection import choose
from uploadlab.units import parse_size

from .helpers import ALL_DEPLOYMENTS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "ratios.toml: "),
        ("[[ratios]]\nmethod = 1", "ratios.toml: Expected `str`"),
        ("[[ratios]]\ngaol = 1", "ratios.toml: Object contains unknown field `gaol`"),
        ("[growth]\nsizes = ['1MiB']", "ratios.toml: Expected `array` of length 2"),
        ("GOAL0", "ratios.toml: Expected `float` > 0"),
        ("SIZE", "ratios.toml: size '64Mb?' is not a number of bytes"),
        ("BELOW", "ratios.toml: size '1Mb?' is not a number of bytes"),
        ("MOST", "ratios.toml: size '16Mb?' is not a number of bytes"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    whole = RATIOS.read_text()
    slips = {
        "GOAL0": whole.replace("goal = 0.95", "goal = 0"),
        "SIZE": whole.replace('"64MiB"', '"64Mb?"'),
        "BELOW": whole.replace('"1MiB"', '"1Mb?"'),
        "MOST": whole.replace('"16MiB"', '"16Mb?"'),
    }
    path = tmp_path / "ratios.toml"
    path.write_text(slips.get(text, text))
    with pytest.raises(UsageError) as caught:
        load_goals(path)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ratios\.toml: .*No such file"):
        load_goals(tmp_path / "ratios.toml")


def test_a_slip_in_the_file_shows_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ratios.toml").write_text("[[ratios]]")
    monkeypatch.setattr("uploadlab.declared.goals.RATIOS", tmp_path / "ratios.toml")
    drafted = draft(Order(plan="smoke", deployments=["flask"]))
    place = session.Place(session.LOCAL, tmp_path, tmp_path, Workers(1))
    with pytest.raises(UsageError, match=r"ratios\.toml"):
        session.start(drafted, place, Screen())
    assert [path.name for path in tmp_path.iterdir()] == ["ratios.toml"]


def test_every_name_that_is_asked_for_is_declared() -> None:
    goals = load_goals(RATIOS)
    below = [cell for one in goals.ratios for cell in one.against]
    choose("deployment", [name for one in goals.ratios for name in one.deployments], ALL_DEPLOYMENTS)
    choose("deployment", [cell.deployment for cell in below if cell.deployment], ALL_DEPLOYMENTS)
    choose("link", [one.link for one in goals.ratios if one.link], load_links())
    choose("method", [one.method for one in goals.ratios], LAB_METHODS)
    choose("method", [cell.method for cell in below if cell.method], METHODS)
    assert goals.growth
    choose("method", goals.growth.methods, METHODS)


def test_a_plan_has_what_resumable_uploads_are_divided_by() -> None:
    targets = [deployment.target() for deployment in ALL_DEPLOYMENTS.values()]
    planned = {one.cell: one.rounds for one in plan_cells(load_plan("resumable", PLANS), Order(), targets)}
    asked = {
        cell
        for ratio in load_goals(RATIOS).ratios
        if ratio.method in RESUMABLE
        for deployment in ratio.deployments
        for cell in cells_of(ratio, deployment, parse_size(ratio.size))
    }
    assert asked
    assert all(planned[cell] >= LEAST_ROUNDS for cell in asked)


def test_a_plan_has_exactly_the_cells_that_are_divided() -> None:
    targets = [deployment.target() for deployment in ALL_DEPLOYMENTS.values()]
    references = [target.name for target in targets if target.tier == REFERENCE]
    planned = {one.cell: one.rounds for one in plan_cells(load_plan("ceilings", PLANS), Order(), targets)}
    asked = {
        cell
        for ratio in load_goals(RATIOS).ratios
        if ratio.method not in RESUMABLE
        for deployment in ratio.deployments
        for cell in cells_of(ratio, deployment, parse_size(ratio.size or "256MiB"))
    }
    assert asked <= set(planned)
    assert {cell for cell in planned if cell.deployment not in references} <= asked
    assert min(planned.values()) >= LEAST_ROUNDS


def test_a_plan_has_what_growth_is_asked_of() -> None:
    growth = load_goals(RATIOS).growth
    assert growth
    targets = [Target("flask", "", next=["another"])]
    cells = plan_cells(load_plan("memory", PLANS), Order(), targets)
    assert {one.cell.size_bytes for one in cells} == {parse_size(size) for size in growth.sizes}
    left_out = set(choose("method", growth.methods, METHODS, OWN_METHODS)) - {
        one.cell.method for one in cells
    }
    assert left_out == {"request.stream-lines"}  # hours
