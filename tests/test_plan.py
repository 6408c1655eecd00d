from pathlib import Path

import pytest
from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.declared.plans import Group, Load, Plan, load_plan
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.order import Order
from uploadlab.paths import PLANS
from uploadlab.planning.cells import plan_cells
from uploadlab.planning.load_steps import plan_steps
from uploadlab.planning.schedule import schedule
from uploadlab.units import MIB

FLASK = Target("flask", "", "stock", next=["uwsgi-tuned"])
SINK = Target("raw-sink", "", "reference", ["request.stream"])
TWO = Plan("two", [Group(["8MiB"], ["request.stream", "request.files"], rounds=2)])


BROAD = ("smoke", "quick", "full", "reference")
"""Plans of everything; each of the others has a question of its own."""


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.toml")))
def test_every_plan_that_is_shipped_plans_something(name: str) -> None:
    plan = load_plan(name, PLANS)
    assert plan_cells(plan, Order(), [FLASK, SINK]) or plan.load


@pytest.mark.parametrize("name", BROAD)
def test_a_plan_of_everything_covers_every_method(name: str) -> None:
    cells = plan_cells(load_plan(name, PLANS), Order(), [FLASK, SINK])
    assert {one.cell.method for one in cells if one.cell.deployment == "flask"} >= set(OWN_METHODS)


def test_references_run_along_whatever_is_chosen() -> None:
    cells = plan_cells(TWO, Order(methods=["request.files"]), [FLASK, SINK])
    assert [one.cell.id for one in cells] == [
        f"flask/request.files/{8 * MIB}",
        f"raw-sink/request.stream/{8 * MIB}",
    ]


def test_sizes_and_rounds_of_the_command_line_replace_the_plans() -> None:
    cells = plan_cells(TWO, Order(sizes=["1MiB"], rounds=5), [FLASK])
    assert {(one.cell.size_bytes, one.rounds) for one in cells} == {(MIB, 5)}


def test_a_group_can_leave_a_deployment_out() -> None:
    plan = Plan("x", [Group(["1MiB"], ["request.stream"], ["*", "!flask"])])
    with pytest.raises(UsageError, match="no cell left"):
        plan_cells(plan, Order(), [FLASK])


def test_a_group_can_leave_out_a_way_of_its_clients() -> None:
    group = Group(["1MiB"], ["request.stream", "!httpx.stream"], clients=["httpx"])
    planned = plan_cells(Plan("x", [group]), Order(), [FLASK])
    methods = {item.cell.method for item in planned}
    assert "request.stream" in methods and "httpx.stream-1m" in methods and "httpx.stream" not in methods


def test_two_hops_are_planned_only_where_there_is_a_second() -> None:
    plan = Plan("x", [Group(["1MiB"])], Load(["*"], ["1MiB"], [1]))
    targets = [FLASK, Target("gunicorn", "", "stock"), Target("mine", ""), SINK]
    cells = {one.cell for one in plan_cells(plan, Order(), targets)}
    steps = {one.cell for one in plan_steps(plan.load, Order(), targets)} if plan.load else set()
    for planned in (cells, steps):
        assert [cell.deployment for cell in planned if cell.method == "relay"] == ["flask"]


def test_rounds_are_interleaved_after_the_warm_ups() -> None:
    tasks = schedule(plan_cells(TWO, Order(), [FLASK, SINK]), seed=1, done=set())
    assert [(task.round, task.warmup) for task in tasks] == [(0, True)] * 3 + [(1, False)] * 3 + [
        (2, False)
    ] * 3


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    cells = [Planned(Cell("flask", "m", size), 3, MIB) for size in range(1, 20)]
    assert schedule(cells, 7, set()) == schedule(cells[::-1], 7, set()) != schedule(cells, 8, set())


def test_rounds_differ_in_their_order() -> None:
    cells = [Planned(Cell("flask", "m", size), 2, MIB) for size in range(1, 20)]
    tasks = [task for task in schedule(cells, 7, set()) if not task.warmup]
    assert [task.cell for task in tasks[:19]] != [task.cell for task in tasks[19:]]


def test_a_warm_up_is_never_larger_than_what_it_prepares() -> None:
    small, large = Cell("flask", "m", 5), Cell("flask", "m", 5000)
    tasks = schedule([Planned(large, 1, 100), Planned(small, 1, 100)], 1, set())
    assert [task.cell for task in tasks if task.warmup] == [small]


def test_what_is_done_is_left_out_and_the_rest_keeps_its_order() -> None:
    cells = [Planned(Cell("flask", "m", size), 2, 1) for size in range(1, 9)]
    whole = [task for task in schedule(cells, 7, set()) if not task.warmup]
    done = {(task.cell.id, task.round) for task in whole[:5]}
    assert [task for task in schedule(cells, 7, done) if not task.warmup] == whole[5:]


def test_nothing_left_is_an_empty_schedule() -> None:
    cell = Planned(Cell("flask", "m", 1), 1, 1)
    assert schedule([cell], 7, {(cell.cell.id, 1)}) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "x"\n[[cells]]\nsizes = ["1MiB"]\nrouds = 3', "rouds"),
        ('title = "x"\n[[cells]]\nsizes = ["1MBit"]', "1MBit"),
        ('title = "x"\n[[cells]]\nsizes = ["1MiB"]\nrounds = 0', "rounds must be above 0"),
        ('title = "x"\nbudget_seconds = -1\n[[cells]]\nsizes = ["1MiB"]', "budget_seconds must be above 0"),
        ('title = "x"\nbudget_seconds = inf\n[[cells]]\nsizes = ["1MiB"]', "x.toml: budget_seconds"),
        ('title = "x"\ncells = []', "it plans nothing"),
        ('title = "x"\n[load]\nmethods = ["request.stream"]\nsizes = ["1MiB"]\nusers = [0]', "users must be"),
        ('title = "x"\n[load]\nuser = [0]', "in .load. methods, sizes, users"),
        ('title = "x', "x.toml"),
        ('title = "x"\n', "cells"),
    ],
)
def test_a_plan_with_a_mistake_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_plan("x", tmp_path)


def test_an_unknown_plan_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        load_plan("quik", PLANS)
