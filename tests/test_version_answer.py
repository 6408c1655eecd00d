"""What a comparison of versions says: on each deployment, with what else differs between the sides."""

import json
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.comparison import found
from uploadlab.analysis.slowdowns import slower
from uploadlab.declared.goals import load_goals
from uploadlab.measuring.comparing import ComparisonStopping
from uploadlab.model.cells import Cell, Planned, Task
from uploadlab.model.comparison import ComparedGroup, ComparedSide, Comparison
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.paths import RATIOS
from uploadlab.presenting.composition import compose
from uploadlab.presenting.document import Document
from uploadlab.storage.old_runs import decode_run
from uploadlab.storage.reader import StoredRun

from .helpers import RUN, SIZE, measured
from .test_compare import rows_of

OLD = ComparedSide("werkzeug 3.0.1", ["werkzeug==3.0.1"], ["werkzeug"])
NEW = ComparedSide("werkzeug 3.1.9", ["werkzeug==3.1.9"], ["werkzeug"])


def group_at(place: str) -> ComparedGroup:
    base, again, other = f"{place}-old", f"{place}-old-again", f"{place}-new"
    sides = {base: OLD, again: msgspec.structs.replace(OLD, label="werkzeug 3.0.1 again"), other: NEW}
    lines = ["- werkzeug==3.0.1", "+ werkzeug==3.1.9"]
    return ComparedGroup(base, again, {other: lines}, place, sides)


def run_at(*places: str, methods: tuple[str, ...] = ("request.stream",), of_clients: bool = False) -> Run:
    groups = [group_at(place) for place in places]
    names = [name for group in groups for name in (group.base, group.again, *group.others)]
    return msgspec.structs.replace(
        RUN,
        kind=Kind.COMPARE,
        order=Order(
            kind=Kind.COMPARE, configs=["werkzeug==3.0.1", "werkzeug==3.1.9"], deployments=list(places)
        ),
        targets=[Target(name, "", "stock") for name in names],
        cells=[Planned(Cell(name, method, SIZE), 9, 1) for name in names for method in methods],
        comparison=Comparison(groups, 0.03, 60.0, of_clients=of_clients),
        versions={
            name: {
                "werkzeug": "3.1.9" if name.endswith("new") else "3.0.1",
                "flask": "3.1.3" if name.endswith("new") else "3.0.3",
                "answered as": name,
            }
            for name in names
        },
    )


def rows_at(place: str, factor: float, **more: Any) -> list[Measurement]:
    sides = {f"{place}-old": 1.0, f"{place}-old-again": 1.0, f"{place}-new": factor}
    return [row for name, times in sides.items() for row in rows_of(name, times, **more)]


def document_of(run: Run, rows: list[Measurement]) -> Document:
    return compose(StoredRun(run, rows, [], [], [], [], {}, []), load_goals(RATIOS))


def told(document: Document) -> list[tuple[str, str]]:
    return [(statement.head, statement.text) for statement in document.answer]


def test_each_deployment_has_its_answer() -> None:
    run = run_at("flask", "uwsgi-tuned")
    document = document_of(run, rows_at("flask", 1) + rows_at("uwsgi-tuned", 1.12))
    assert document.title == (
        "werkzeug 3.1.9 is slower than 3.0.1 on uwsgi-tuned; it is no different from 3.0.1 on flask"
    )
    texts = told(document)
    assert texts[:2] == [
        (
            "Slower",
            "werkzeug 3.1.9 on uwsgi-tuned: request.stream takes 12% longer (±1%) and 12% more CPU (±1%)",
        ),
        ("No difference", "werkzeug 3.1.9 on flask: request.stream, speed within ±3%, CPU within ±3%"),
    ]
    assert texts[-1] == ("Arrived", "every file is whole: 54 uploads to 6 servers, every byte checked")
    section = next(section for section in document.sections if section.id == "comparison")
    assert [table.title for table in section.tables] == [
        "9.54 MiB: compared with werkzeug 3.0.1 on flask",
        "9.54 MiB: compared with werkzeug 3.0.1 on uwsgi-tuned",
    ]
    assert [row.cells[0] for row in section.tables[0].rows if not row.is_below] == [
        "werkzeug 3.0.1 again",
        "werkzeug 3.1.9",
    ]


def test_deployments_with_the_same_outcome_share_the_title() -> None:
    run = run_at("flask", "uwsgi-tuned")
    document = document_of(run, rows_at("flask", 1) + rows_at("uwsgi-tuned", 1))
    assert document.title == "werkzeug 3.1.9 is no different from 3.0.1 on flask and uwsgi-tuned"


def test_methods_that_changed_alike_share_a_sentence() -> None:
    factors = {"request.stream": 1.12, "request.files": 3.0, "multipart-push": 1.25}
    run = run_at("flask", methods=tuple(factors))
    rows = [row for method, factor in factors.items() for row in rows_at("flask", factor, method=method)]
    assert told(document_of(run, rows))[0] == (
        "Slower",
        "werkzeug 3.1.9 on flask takes longer: request.stream 12% (±1%), request.files 3 times (±1%) and "
        "multipart-push 25% (±1%); 12% to 3 times more CPU",
    )


def test_what_came_along_is_a_caution_with_what_to_type() -> None:
    document = document_of(run_at("flask"), rows_at("flask", 1))
    assert (
        "Caution",
        "flask 3.0.3 -> 3.1.3 came along with werkzeug 3.1.9 on flask: "
        "to change one package alone, add ,flask==3.0.3 to each side",
    ) in told(document)
    command = document.commands["To compare with the rest as it is"]
    assert "compare werkzeug==3.0.1,flask==3.0.3 werkzeug==3.1.9,flask==3.0.3 --deployments flask" in command
    section = next(section for section in document.sections if section.id == "comparison")
    assert section.texts == {
        "werkzeug 3.1.9 on flask, differences from werkzeug 3.0.1": "- werkzeug==3.0.1\n+ werkzeug==3.1.9\n"
        "  werkzeug 3.0.1 -> 3.1.9\n  flask 3.0.3 -> 3.1.3 (came along)"
    }


def test_a_package_that_no_server_loads_is_a_caution() -> None:
    run = run_at("flask")
    run.versions = {name: {"python": "3.13"} for name in run.versions}
    heads = told(document_of(run, rows_at("flask", 1)))
    assert ("Caution", "flask did not load werkzeug: the sides are the same there") in heads


def test_a_side_that_does_not_run_says_why() -> None:
    run = run_at("flask")
    run.targets[-1] = msgspec.structs.replace(run.targets[-1], unavailable="no such release")
    rows = [measured("flask-new", status=Status.UNAVAILABLE, seconds=None, error="no such release")]
    document = document_of(run, rows)
    assert document.title == "werkzeug 3.1.9 does not run on flask"
    assert told(document)[0] == (
        "Breaks",
        "werkzeug 3.1.9 on flask: request.stream (does not run: no such release)",
    )


def test_packages_of_the_client_are_judged_by_what_the_client_used() -> None:
    rows = rows_at("flask", 1)
    for row in rows:
        row.server_cpu_seconds, row.client_cpu_seconds = 0.1, 2.5 if row.deployment == "flask-new" else 1.0
    assert told(document_of(run_at("flask", of_clients=True), rows))[0] == (
        "More CPU",
        "werkzeug 3.1.9 on flask: request.stream uses 2.5 times the CPU (±1%)",
    )


def with_noise(place: str, cpu: float) -> list[Measurement]:
    """Rounds whose times say nothing, and whose CPU seconds are steady."""
    sides = {f"{place}-old": 1.0, f"{place}-old-again": 1.0, f"{place}-new": cpu}
    return [
        measured(name, seconds=1.0 + (number * place_ % 5), round=number, server_cpu_seconds=used)
        for place_, (name, used) in enumerate(sides.items(), 2)
        for number in range(1, 20)
    ]


def test_a_machine_that_sees_only_large_differences_says_so() -> None:
    rows = with_noise("flask", 1.0)
    for row in rows:
        row.server_cpu_seconds = row.seconds
    title = document_of(run_at("flask"), rows).title
    assert title.startswith("werkzeug 3.1.9 shows no difference over ")
    assert title.endswith("% from 3.0.1 on flask")


@pytest.mark.parametrize(("cpu", "fails"), [(1.25, True), (1.0, False)])
def test_where_the_speed_is_too_noisy_cpu_seconds_decide(cpu: float, fails: bool) -> None:
    texts = slower(found(run_at("flask"), with_noise("flask", cpu)), 0.1)
    assert bool(texts) is fails
    if fails:
        assert texts[0].startswith("werkzeug 3.1.9 on flask request.stream: uses 25% more CPU")


def test_a_group_that_is_settled_leaves_the_time_to_the_others() -> None:
    run = run_at("flask", "uwsgi-tuned")
    assert run.comparison
    rows = rows_at("flask", 1.5) + with_noise("uwsgi-tuned", 1.0)
    stopping = ComparisonStopping(run.comparison, run, rows)
    left = stopping.worthwhile([Task(planned.cell, 20) for planned in run.cells])
    assert {task.cell.deployment for task in left} == {
        "uwsgi-tuned-old",
        "uwsgi-tuned-old-again",
        "uwsgi-tuned-new",
    }


def test_a_broken_base_is_a_matter_of_its_own_group() -> None:
    run = run_at("flask", "uwsgi-tuned")
    assert run.comparison
    stopping = ComparisonStopping(run.comparison, run, [])
    stopping.learn(measured("flask-old", status=Status.WRONG))
    stopping.learn(measured("flask-new"))
    left = {cell.deployment for cell, *_ in run.cells if stopping.is_open(cell)}
    assert left == {"flask-old-again", "uwsgi-tuned-old", "uwsgi-tuned-old-again", "uwsgi-tuned-new"}


def test_a_run_of_before_groups_has_one() -> None:
    fields = json.loads(msgspec.json.encode(RUN))
    fields["comparison"] = {
        "base": "flask", "again": "flask-again", "others": {"b": ["+ threads = 9"]},
        "within": 0.05, "budget_seconds": 60.0, "ablation": False,
    }  # fmt: skip
    run = decode_run(json.dumps(fields).encode())
    assert run.comparison == Comparison(
        [ComparedGroup("flask", "flask-again", {"b": ["+ threads = 9"]})], 0.05, 60
    )
    assert run.order
    assert run.order.configs == ["flask", "b"]
