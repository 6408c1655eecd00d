"""What is planned over links: targets of their own, sizes that fit, and many uploads at once."""

import threading
import time

import msgspec
import pytest
from uploadlab.declared.links import load_links
from uploadlab.errors import UsageError
from uploadlab.measuring.side_by_side import Together, runs_together
from uploadlab.measuring.stopping import RateStopping
from uploadlab.model.cells import Cell, Task
from uploadlab.model.host_use import HostWarning
from uploadlab.model.links import Link, Range, Stall
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Order
from uploadlab.model.runs import Accuracy
from uploadlab.planning.draft import Draft, draft
from uploadlab.units import MIB

from .helpers import REFERENCES

WARNINGS = [HostWarning.OTHER_PROCESSES, HostWarning.MEMORY_SHORT]


def drafted(*links: str, **more: object) -> Draft:
    methods = ["request.stream", "request.files-streamed"]
    return draft(Order(link=list(links), deployments=["flask", "gunicorn"], methods=methods, **more))  # type: ignore[arg-type]


def test_a_target_over_a_link_is_a_target_of_its_own() -> None:
    made = drafted("dsl", "far")
    behind = {target.name: (target.behind, target.link) for target in made.targets}
    assert behind["flask@dsl"] == ("flask", "dsl") and behind["gunicorn@far"] == ("gunicorn", "far")
    assert "flask" not in behind  # nothing is sent there directly
    assert {item.cell.deployment for item in made.cells} == set(behind)
    assert [link.name for link in made.links] == ["dsl", "far"]
    started = {deployment.name for deployment in made.deployments}
    assert started == {"flask", "gunicorn", *REFERENCES}


def test_without_a_link_nothing_is_over_one() -> None:
    made = draft(Order(deployments=["flask"]))
    assert not made.links and not any(target.link for target in made.targets)


def test_references_send_over_a_link_what_the_others_send() -> None:
    sent: dict[str, set[str]] = {}
    for item in drafted("dsl").cells:
        sent.setdefault(item.cell.deployment, set()).add(item.cell.method)
    assert sent["raw-sink@dsl"] <= sent["flask@dsl"]


@pytest.mark.parametrize(("link", "size_bytes"), [("dsl", 16 * MIB), ("slow", MIB), ("far", 64 * MIB)])
def test_sizes_that_were_not_meant_for_a_link_fit_it(link: str, size_bytes: int) -> None:
    assert {item.cell.size_bytes for item in drafted(link).cells} == {size_bytes}
    chosen = drafted(link, sizes=["32MiB"])
    assert {item.cell.size_bytes for item in chosen.cells} == {32 * MIB}


def test_steps_over_a_link_fit_it_for_all_users() -> None:
    made = drafted("dsl", load=True)
    sizes = {step.cell.size_bytes for step in made.steps}
    users = {step.users for step in made.steps}
    assert {step.cell.deployment.partition("@")[2] for step in made.steps} == {"dsl"}
    assert len(sizes) == 1 and users == {1, 8, 32}  # one table for all of them
    dsl = load_links()["dsl"]
    assert 4 * max(users) * max(sizes) <= 15 * dsl.up < 8 * max(users) * max(sizes)
    chosen = drafted("dsl", load=True, sizes=["1MiB"], users=[2])
    assert {step.id for step in chosen.steps if step.cell.deployment == "flask@dsl"} == {
        f"flask@dsl/{method}/{MIB}/2" for method in ("request.stream", "request.files-streamed")
    }


def test_a_plan_sends_steps_over_links_of_its_own() -> None:
    steps = draft(Order(plan="links", load=True)).steps
    assert {step.cell.deployment.partition("@")[2] for step in steps} == {"far"}
    assert {step.users for step in steps if step.cell.deployment == "nginx-tls@far"} == {1, 4}


def test_a_plan_says_itself_what_it_sends_over_a_link() -> None:
    planned = {(item.cell.deployment, item.cell.size_bytes) for item in draft(Order(plan="links")).cells}
    assert ("gunicorn@slow", 10 * MIB) in planned and ("haproxy-tls@far", 8 * MIB) in planned


def test_what_makes_no_sense_over_a_link_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown link 'dls'.*dsl"):
        drafted("dls")
    with pytest.raises(UsageError, match="leave out --link"):
        drafted("dsl", profile=True)
    own = {"mine": "http://192.0.2.1", "flask@dsl": "http://192.0.2.2"}
    with pytest.raises(UsageError, match=r"flask@dsl.*choose another"):
        draft(Order(link=["dsl"], targets=own))
    with pytest.raises(UsageError, match=r"httpx.stream reaches your own server only directly"):
        draft(Order(link=["dsl"], targets={"mine": "http://192.0.2.1"}, methods=["httpx.stream"]))


def row(task: Task) -> Measurement:
    cell = task.cell
    return Measurement(
        run_id="a-run", cell_id=cell.id, deployment=cell.deployment, method=cell.method, size_bytes=1,
        round=1, warmup=False, started_at="", status=Status.OK, seconds=1.0, host_warnings=list(WARNINGS),
    )  # fmt: skip


def together(servers: int, each: int) -> tuple[list[Task], Together]:
    tasks = [
        Task(Cell(f"s{server}@dsl", f"m{number}", 1), 1)
        for server in range(servers)
        for number in range(each)
    ]
    behind = {task.cell.deployment: task.cell.deployment.partition("@")[0] for task in tasks}
    return tasks, Together(tasks, behind, dict.fromkeys(behind, load_links()["dsl"]))


def test_servers_are_uploaded_to_at_once_each_by_one_upload() -> None:
    tasks, waiting = together(servers=3, each=2)
    lock, busy, most = threading.Lock(), list[str](), list[int]()
    all_busy = threading.Barrier(3)

    def measure(task: Task) -> Measurement:
        with lock:
            assert task.cell.deployment not in busy
            busy.append(task.cell.deployment)
            most.append(len(busy))
        if task.cell.method == "m0":
            all_busy.wait(60)  # breaks unless three uploads are under way
        time.sleep(0.01)
        with lock:
            busy.remove(task.cell.deployment)
        return row(task)

    rows = list(waiting.rows(measure))
    assert {found.cell_id for found in rows} == {task.cell.id for task in tasks}
    assert max(most) == 3 and waiting.left == 0
    # What the uploads beside it took was no disturbance; what memory lacked was.
    assert all(found.host_warnings == [HostWarning.MEMORY_SHORT] for found in rows)


def test_what_is_hopeless_is_left_out_and_a_fault_ends_all() -> None:
    tasks, waiting = together(servers=1, each=3)
    done = []
    for found in waiting.rows(row):
        done.append(found.cell_id)
        waiting.leave_out({task.cell.id for task in tasks[1:]})
    assert done == [tasks[0].cell.id]

    def fault(task: Task) -> Measurement:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(together(servers=2, each=1)[1].rows(fault))


def test_only_a_slow_line_is_the_limit_for_sure() -> None:
    links, task = load_links(), Task(Cell("flask@x", "m", 1), 1)
    assert {name for name, link in links.items() if runs_together(task, link)} == links.keys() - {"far"}
    assert not runs_together(task, None) and not runs_together(task, Link(name="free", title=""))
    stalled = Link(name="a", title="", up=100, round_trip=0.5, stalls=[Stall(Range(1, 1), 6)])
    assert stalled.least_seconds(1000) == 10 + 6 + 2


def test_plan_links_has_its_load_without_the_option() -> None:
    steps = draft(Order(plan="links")).steps
    assert {(step.users, step.cell.deployment) for step in steps} >= {
        (1, "nginx-tls@far"),
        (4, "nginx-tls@far"),
    }
    assert draft(Order(plan="links", methods=["curl.stream-h2"])).steps == []


def test_uploads_side_by_side_end_when_rates_are_sure_or_the_time_is_over() -> None:
    tasks = [Task(Cell("s@dsl", name, 1), number) for name in ("sure", "wild") for number in range(1, 31)]
    stopping, closed = RateStopping(Accuracy(0.1, 60), []), set[str]()
    for number in range(1, 9):
        for name in ("sure", "wild"):
            found = msgspec.structs.replace(
                row(Task(Cell("s@dsl", name, 1), number)), round=number, host_warnings=[],
                seconds=1.0 if name == "sure" else float(number),
            )  # fmt: skip
            closed |= stopping.closed_after(found, tasks)
    assert closed == {"s@dsl/sure/1"}
    over = RateStopping(Accuracy(0.1, 0), [])
    assert over.closed_after(row(tasks[0]), tasks) == {"s@dsl/sure/1"}  # the other has no row yet
