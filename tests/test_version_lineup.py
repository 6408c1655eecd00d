"""Which deployments a comparison of versions has, by its sides and the places where they run."""

from pathlib import Path

import pytest
from uploadlab.catalogue.clients import CLIENTS
from uploadlab.declared.variants import NAME
from uploadlab.errors import LabError, UsageError
from uploadlab.measuring.prepare import reopen
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import Draft, draft
from uploadlab.planning.lineup import Lineup, lineup
from uploadlab.planning.version_lineup import are_versions, whole_side
from uploadlab.versions.locks import server_locks
from uploadlab.versions.requirements import pins

from .helpers import ALL_DEPLOYMENTS
from .test_lab import prepared_run

LOCKED_VERSIONS = pins(server_locks())


def order_of(*words: str, deployments: list[str] | None = None, methods: list[str] | None = None) -> Order:
    return Order(
        kind=Kind.COMPARE, configs=list(words), deployments=deployments, methods=methods, plan="versions"
    )


def compared(*words: str, deployments: list[str] | None = None) -> Lineup:
    return lineup(order_of(*words, deployments=deployments), ALL_DEPLOYMENTS, ROOT)


def drafted(*words: str, methods: list[str] | None = None) -> Draft:
    return draft(order_of(*words, methods=methods))


def test_each_deployment_is_a_group_of_copies_with_the_sides() -> None:
    found = compared("werkzeug==3.0.1", "werkzeug==3.1.9", deployments=["flask", "uwsgi-tuned"])
    assert [(group.place, group.base, list(group.others)) for group in found.comparison.groups] == [
        ("flask", "flask-werkzeug-3-0-1", ["flask-werkzeug-3-1-9"]),
        ("uwsgi-tuned", "uwsgi-tuned-werkzeug-3-0-1", ["uwsgi-tuned-werkzeug-3-1-9"]),
    ]
    base, again, other = found.deployments[:3]
    assert again.name == "flask-werkzeug-3-0-1-again"
    assert [made.packages for made in (base, again, other)] == [
        ["werkzeug==3.0.1"],
        ["werkzeug==3.0.1"],
        ["werkzeug==3.1.9"],
    ]
    assert {made.based_on for made in found.deployments} == {"flask", "uwsgi-tuned"}
    assert base.services[0].command == ALL_DEPLOYMENTS["flask"].services[0].command
    assert base.services[0].environment["LAB_DEPLOYMENT"] == base.name
    group = found.comparison.groups[0]
    assert group.others == {"flask-werkzeug-3-1-9": ["- werkzeug==3.0.1", "+ werkzeug==3.1.9"]}
    assert [side.label for side in group.sides.values()] == [
        "werkzeug 3.0.1",
        "werkzeug 3.1.9",
        "werkzeug 3.0.1 again",
    ]


@pytest.mark.parametrize(
    ("word", "places"),
    [
        ("gunicorn==26.1.0", ["gunicorn"]),
        ("uwsgi==2.0.30", ["uwsgi-default"]),
        ("granian==2.8.0", ["granian"]),
        ("waitress==3.0.1", ["waitress"]),
        ("werkzeug==3.0.1", ["flask", "gunicorn-gthread"]),
        ("multipart==2.0.0", ["gunicorn-gthread"]),
        ("urllib3==1.26.20", ["gunicorn-gthread"]),
        ("granian==2.8.0,werkzeug==3.0.1", ["granian", "flask", "gunicorn-gthread"]),
    ],
)
def test_where_nothing_is_named_a_package_is_compared_where_it_matters(word: str, places: list[str]) -> None:
    assert [group.place for group in compared(word).comparison.groups] == places


def test_one_version_is_compared_with_the_locked_one() -> None:
    for words in (["gunicorn==26.1.0"], ["locked", "gunicorn==26.1.0"]):
        found = compared(*words)
        (group,) = found.comparison.groups
        assert (group.base, list(group.others)) == ("gunicorn", ["gunicorn-26-1-0"])
        assert found.deployments[0] == ALL_DEPLOYMENTS["gunicorn"]
        assert group.sides["gunicorn"].label == f"gunicorn {LOCKED_VERSIONS['gunicorn']} (locked)"


def test_the_same_version_twice_is_two_sides() -> None:
    (group,) = compared("gunicorn==27.0.1", "gunicorn==27.0.1").comparison.groups
    assert (group.base, list(group.others)) == ("gunicorn-27-0-1", ["gunicorn-27-0-1-2"])
    assert group.sides["gunicorn-27-0-1-2"].label == "gunicorn 27.0.1 (2)"


def test_a_package_of_clients_is_sent_by_the_clients_that_have_it() -> None:
    planned = drafted("urllib3==1.26.20", "urllib3==2.8.0")
    assert planned.comparison
    assert planned.comparison.of_clients
    base, _, other = planned.targets
    assert (base.client_packages, other.client_packages) == (["urllib3==1.26.20"], ["urllib3==2.8.0"])
    assert planned.deployments[0].packages == []
    methods = {item.cell.method for item in planned.cells}
    clients = ("urllib3", "requests", "tuspy")
    assert {name for client in clients for name in CLIENTS[client].methods} == methods
    # Methods that the user names need not be the plan's.
    named = drafted("urllib3==1.26.20", "urllib3==2.8.0", methods=["request.stream-16k"])
    assert {item.cell.method for item in named.cells} == {"request.stream-16k"}


def test_names_are_such_as_containers_and_paths_take(tmp_path: Path) -> None:
    wheel = tmp_path / "Granian-2.9.0rc1-py3-none-any.whl"
    wheel.touch()
    words = [str(wheel), "granian==2.8.9,werkzeug==3.0.1,flask==3.0.3,jinja2==3.1.5,click==8.1.8"]
    found = compared(*words, deployments=["granian", "granian-tuned"])
    names = [deployment.name for deployment in found.deployments]
    assert len(set(names)) == 6
    assert all(NAME.fullmatch(name) and len(name) < 64 for name in names)
    assert names[0] == "granian-2-9-0rc1-wheel"


@pytest.mark.parametrize(
    ("words", "deployments", "why"),
    [
        (
            ["gunicorn==26.1.0", "flask"],
            None,
            "flask is not: compare versions with versions; --deployments fl",
        ),
        (["locked"], None, "locked has nothing to be compared with"),
        (["locked", "locked", "gunicorn==26.1.0"], None, "locked is named twice"),
        (["gunicorn==26.1.0"], ["flask"], "flask loads no gunicorn: leave it out of --deployments"),
        (["gunicorn==26.1.0"], ["flsk"], "did you mean 'flask'"),
        (["gunicron==26.1.0"], None, "did you mean 'gunicorn'"),
        (["flask", "uwsgi-tuned"], ["flask"], "--deployments says where versions are compared"),
        (["flask", "werkzeug"], None, "werkzeug is a package: write werkzeug==VERSION"),
    ],
)
def test_what_cannot_be_compared_says_why(words: list[str], deployments: list[str] | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        compared(*words, deployments=deployments)


def test_what_was_a_config_or_a_deployment_stays_one() -> None:
    assert not are_versions(["flask", "uwsgi-tuned", "configs/uwsgi/uwsgi-tuned.ini", "waitress"])


def test_a_run_that_goes_on_has_the_same_sides(tmp_path: Path) -> None:
    order = order_of("locked", "werkzeug==3.0.1", deployments=["flask"], methods=["request.stream"])
    again = reopen(prepared_run(tmp_path, order).folder, tmp_path).deployments
    assert {made.name: made.packages for made in again} == {
        "flask": [],
        "flask-again": [],
        "flask-werkzeug-3-0-1": ["werkzeug==3.0.1"],
    }


def test_a_run_that_goes_on_installs_nothing_from_an_address(tmp_path: Path) -> None:
    order = order_of("werkzeug @ https://example.org/werkzeug-3.0.1-py3-none-any.whl", deployments=["flask"])
    with pytest.raises(LabError, match=r"installs werkzeug @ https://example\.org/"):
        reopen(prepared_run(tmp_path, order).folder, tmp_path)


def test_a_side_that_is_stored_has_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        whole_side("./dist/granian-*.whl,werkzeug>=3,<4") == f"{tmp_path}/dist/granian-*.whl,werkzeug>=3,<4"
    )
    assert whole_side("old.txt") == f"{tmp_path}/old.txt"
    assert whole_side("../gunicorn") == str(tmp_path / "../gunicorn")
