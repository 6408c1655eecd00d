"""Plans that name a deployment which only a config makes: who starts it, and whose cells it has."""

from pathlib import Path
from shutil import copytree

import pytest
from uploadlab.errors import LabError, UsageError
from uploadlab.measuring.prepare import prepare, reopen
from uploadlab.model.deployments import DERIVED
from uploadlab.model.order import Kind, Order
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.planning.draft import Draft, draft
from uploadlab.runtimes.override import override
from uploadlab.storage.run_folder import RunFolder

PLAN = """
title = "Is mine faster?"

[[cells]]
sizes = ["1MiB"]
methods = ["request.stream"]
deployments = ["gunicorn", "mine"]

[[cells]]
sizes = ["2MiB"]
methods = ["request.stream"]

[load]
sizes = ["1MiB"]
methods = ["request.stream"]
users = [1]
"""
EVERYWHERE = Order(plan="faster", load=True)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's configs, with one more of gunicorn's and a plan that names it."""
    copytree(ROOT / "configs", tmp_path / "configs")
    own = tmp_path / "configs" / "gunicorn"
    (own / "mine.conf.py").write_text((own / "gunicorn.conf.py").read_text())
    (tmp_path / "configs/plans/faster.toml").write_text(PLAN)
    for module in ("planning.draft", "planning.stored", "measuring.prepare"):
        monkeypatch.setattr(f"uploadlab.{module}.ROOT", tmp_path)
    monkeypatch.setattr("uploadlab.planning.draft.PLANS", tmp_path / "configs" / "plans")
    return tmp_path


def sizes(made: Draft, name: str) -> list[int]:
    """What is sent to a deployment, in MiB."""
    return [item.cell.size_bytes >> 20 for item in made.cells if item.cell.deployment == name]


def test_a_plan_starts_what_it_names_and_its_star_is_of_compose_yaml(root: Path) -> None:
    made = draft(EVERYWHERE)
    (mine,) = [deployment for deployment in made.deployments if deployment.name == "mine"]
    assert (mine.based_on, mine.services[0].command[-1]) == ("gunicorn", "configs/gunicorn/mine.conf.py")
    assert {target.tier for target in made.targets if target.name == "mine"} == {DERIVED}
    assert (sizes(made, "mine"), sizes(made, "gunicorn"), sizes(made, "flask")) == ([1], [1, 2], [2])
    assert {step.cell.deployment for step in made.steps} == {item.name for item in made.targets} - {"mine"}
    assert "mine" in override(COMPOSE, [mine], root)


def test_only_that_plan_starts_it() -> None:
    check, chosen = Order(kind=Kind.CHECK, group=["all"]), Order(plan="faster", deployments=["flask"])
    for order in (Order(), check, chosen):
        assert "mine" not in {deployment.name for deployment in draft(order).deployments}


def test_whatever_the_user_names_is_meant_by_the_star_too() -> None:
    made = draft(Order(plan="faster", load=True, deployments=["mine"]))
    assert sizes(made, "mine") == [1, 2]
    assert "mine" in {step.cell.deployment for step in made.steps}


def test_what_the_shipped_plans_name_exists() -> None:
    made = {target.behind for target in draft(Order(plan="links")).targets if target.tier == DERIVED}
    assert {"apache-tls", "envoy-tls", "haproxy-tls-stock-window"} <= made


@pytest.mark.parametrize("old", ['"gunicorn", "mine"', "users = [1]"])
def test_a_name_that_does_not_exist_is_refused_wherever_a_plan_has_it(root: Path, old: str) -> None:
    new = '"gunicorn", "mien"' if "mine" in old else f'{old}\ndeployments = ["mien"]'
    (root / "configs/plans/faster.toml").write_text(PLAN.replace(old, new))
    with pytest.raises(UsageError, match="unknown deployment 'mien': "):
        draft(EVERYWHERE)


def test_a_stored_run_goes_on_with_it(root: Path) -> None:
    new = draft(Order(plan="faster"))
    folder = RunFolder.create(root / "runs", "one")
    stored = prepare(new, folder, root, "local")
    again = reopen(folder, root, load=True)
    assert [made.services for made in again.deployments] == [made.services for made in stored.deployments]
    assert {step.cell.deployment for step in again.run.load} == {item.name for item in new.targets} - {"mine"}
    (root / "configs/gunicorn/mine.conf.py").unlink()
    with pytest.raises(LabError, match="has another mine than this checkout makes"):
        reopen(folder, root)
