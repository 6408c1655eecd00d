"""Who takes part in a comparison: configs and deployments, by path or by name."""

from pathlib import Path
from shutil import copytree

import msgspec
import pytest
from uploadlab.errors import UsageError
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import draft
from uploadlab.planning.lineup import Lineup, lineup

from .helpers import DEPLOYMENTS
from .test_compare import DEFAULT, TUNED

MINE = "configs/uwsgi/mine.ini"
INI = "[uwsgi]\nhttp-socket = $(HOST):$(PORT)\nmodule = upload_app.wsgi:application\nthreads = 9\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout's configs, to add some to."""
    copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


def compared(root: Path, *words: str, ablation: bool = False) -> Lineup:
    kind = Kind.ABLATE if ablation else Kind.COMPARE
    return lineup(Order(kind=kind, configs=list(words), minutes=1.0), DEPLOYMENTS, root)


def test_the_base_the_base_again_and_the_others_take_part(root: Path) -> None:
    one = compared(root, DEFAULT, TUNED, "gunicorn")
    names = [deployment.name for deployment in one.deployments]
    assert names == ["uwsgi-default", "uwsgi-default-again", "uwsgi-tuned", "gunicorn"]
    base, again, *_ = one.deployments
    assert again.services[0].command == base.services[0].command
    assert again.services[0].environment["LAB_DEPLOYMENT"] == "uwsgi-default-again"
    changed = one.comparison.others["uwsgi-tuned"]
    assert {"+ listen = 1024", "- module = upload_app.wsgi:application", "+ STRICT_FRAMING=1"} <= set(changed)
    assert not [line for line in changed if "LAB_DEPLOYMENT" in line or "processes" in line]


def test_a_config_that_was_dropped_in_is_a_deployment_like_the_base(root: Path) -> None:
    (root / MINE).write_text(INI)
    one = compared(root, TUNED, MINE)
    mine = one.deployments[-1]
    assert (mine.name, mine.based_on, mine.tier) == ("mine", "uwsgi-tuned", "config")
    assert mine.services[0].command == ["uwsgi", "--ini", MINE]
    assert mine.services[0].environment["STRICT_FRAMING"] == "1"
    assert "+ threads = 9" in one.comparison.others["mine"]
    assert compared(root, "uwsgi-tuned", "mine").deployments[-1] == mine
    assert compared(root, "gunicorn", "mine").deployments[-1].based_on == "uwsgi-default"


@pytest.mark.parametrize(
    ("path", "text", "based_on", "service"),
    [
        (
            MINE,
            INI.replace("http-socket = $(HOST):$(PORT)", "socket = $(RUN_DIR)/uwsgi.sock"),
            "nginx-uwsgi",
            1,
        ),
        ("configs/gunicorn/mine.conf.py", 'import os\nbind = os.environ["PORT"]\n', "gunicorn", 0),
        ("configs/nginx/mine.conf.template", "listen ${HOST}:${PORT};", "nginx-uwsgi", 0),
    ],
)
def test_a_config_takes_the_place_of_its_like(
    root: Path, path: str, text: str, based_on: str, service: int
) -> None:
    (root / path).write_text(text)
    mine = compared(root, "flask", path).deployments[-1]
    assert mine.based_on == based_on
    assert path in mine.services[service].command
    assert all(one.name.startswith("mine") for one in mine.services)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (MINE, "[uwsgi]\nhttp-socket = :8080\n", "the config must listen on"),
        ("configs/uwsgi/My config.ini", INI, "use a-z, 0-9, - and _ only"),
        ("configs/uwsgi/flask.ini", INI, "rename the file"),
        ("configs/uwsgi/mine.conf", INI, "a config is one of"),
        (
            MINE,
            "# IMPORTANT\n[uwsgi]\nhttp-socket = :8080\n",
            "the config must listen on",
        ),
        ("configs/uwsgi/uwsgi-default-again.ini", INI, "is named twice: name it once"),
        (
            "configs/gunicorn/mine.conf.py",
            'bind = "unix:RUN_DIR/x"\n',
            "all listen on BIND or PORT",
        ),
    ],
)
def test_a_config_that_cannot_be_one_says_why(root: Path, path: str, text: str, why: str) -> None:
    (root / path).write_text(text)
    with pytest.raises(UsageError, match=why):
        compared(root, DEFAULT, path)


def test_a_name_that_two_configs_have_is_not_guessed(root: Path) -> None:
    (root / MINE).write_text(INI)
    (root / "configs/gunicorn/mine.conf.py").write_text('bind = "PORT"\n')
    with pytest.raises(UsageError, match="mine may be any of configs/gunicorn/mine"):
        compared(root, DEFAULT, "mine")
    assert compared(root, DEFAULT, MINE).deployments[-1].name == "mine"


def test_methods_that_only_one_of_them_takes_are_left_out() -> None:
    order = Order(kind=Kind.COMPARE, configs=["uwsgi-tuned", "nginx-offload"])
    cells = draft(order).cells
    assert {one.cell.method for one in cells} == {"request.stream", "request.stream-chunked"}
    with pytest.raises(UsageError, match="have no method in common"):
        draft(msgspec.structs.replace(order, methods=["multipart-push"]))


def test_an_ablation_takes_each_setting_back_alone(root: Path) -> None:
    one = compared(root, TUNED, ablation=True)
    tuned = (root / TUNED).read_text().splitlines()
    for name, changed in one.comparison.others.items():
        (path,) = [word for word in _command(one, name) if word.startswith("configs/")]
        difference = set(one.texts[path].splitlines()) ^ set(tuned)
        assert {line[2:] for line in changed} == difference
    taken = {changed[0] for changed in one.comparison.others.values()}
    assert {"- listen = 1024", "- module = upload_app.uwsgi_input:application"} <= taken
    assert one.comparison.others["uwsgi-tuned-without-module"][1] == "+ module = upload_app.wsgi:application"


def _command(one: Lineup, name: str) -> list[str]:
    (found,) = [deployment for deployment in one.deployments if deployment.name == name]
    return found.services[0].command
