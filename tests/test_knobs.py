"""One setting at a time: what a turned deployment is, and what is said of it."""

import re
from pathlib import Path

import msgspec
import pytest
from uploadlab.catalogue.payloads import write_payload
from uploadlab.declared.compose import config_texts
from uploadlab.declared.config_syntax import parse_config, set_option
from uploadlab.declared.knobs import Knob, load_knobs
from uploadlab.errors import UsageError
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Deployment
from uploadlab.model.measurements import Status
from uploadlab.model.order import Kind, Order
from uploadlab.pages.settings_tables import Turned, settings_table
from uploadlab.paths import DOCS, KNOBS, ROOT
from uploadlab.planning.knob_runs import knob_drafts, variants
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client
from uploadlab.units import MIB

from .helpers import ALL_DEPLOYMENTS, DEPLOYMENTS, RUN, measured, need

INI = "; A file.\n[uwsgi]\n; why\nlisten = 1024\nmaster = true\n"
INTERVAL = re.compile(r"(no difference, )?[\d.]+ times (?:as fast )?\[([\d.]+), ([\d.]+)\]")
NGINX = "server {\n        size 1m;   # 16k by default\n\n        location / {\n        }\n    }\n}\n"


@pytest.mark.parametrize(
    ("path", "text", "option", "value", "expected"),
    [
        ("a.ini", INI, "listen", "7", "listen = 7\n"),
        ("a.ini", INI, "listen", "", "; why\nmaster = true\n"),
        ("a.ini", INI, "processes", "4", "master = true\nprocesses = 4\n"),
        ("a.py", "threads = 4  # 1 by default\n", "threads", "8", "threads = 8  # 1 by default\n"),
        ("a.conf.template", NGINX, "size", "2m", "        size 2m;   # 16k by default\n"),
        ("a.conf.template", NGINX, "size", "", "server {\n\n"),
        ("a.conf.template", NGINX, "other", "on", "        other on;\n        location / {\n"),
    ],
)
def test_one_line_of_a_config_is_changed(
    path: str, text: str, option: str, value: str, expected: str
) -> None:
    new = set_option(path, text, option, value)
    assert expected in new
    changed = set(new.splitlines()) ^ set(text.splitlines())
    assert len(changed) == (1 if not value or option not in text else 2)


def test_what_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(UsageError, match=r"no line of a\.ini sets processes"):
        set_option("a.ini", INI, "processes", "")


def turned(tmp_path: Path, knob: Knob) -> list[Deployment]:
    return list(variants(knob, DEPLOYMENTS[knob.deployment], tmp_path))


def test_a_turned_config_is_the_shipped_one_but_for_a_line(tmp_path: Path) -> None:
    knob = Knob("nginx-uwsgi-streaming", "socket-timeout", ["", "64"], "")
    without, other = turned(tmp_path, knob)
    assert [without.name, other.name] == [
        "nginx-uwsgi-streaming~no-socket-timeout",
        "nginx-uwsgi-streaming~socket-timeout=64",
    ]
    shipped = config_texts(ROOT, [DEPLOYMENTS["nginx-uwsgi-streaming"]])
    (name,) = (name for name in shipped if name.endswith(".ini"))
    (new,) = (text for path, text in config_texts(ROOT, [other]).items() if path.endswith(".ini"))
    assert new == shipped[name].replace("socket-timeout = $(SILENCE_SECONDS)", "socket-timeout = 64")
    assert {part.environment["LAB_DEPLOYMENT"] for part in other.services} == {other.name}
    assert len({part.name for one in (without, other) for part in one.services}) == 4


def test_a_setting_that_no_config_has_goes_to_the_front(tmp_path: Path) -> None:
    (other,) = turned(tmp_path, Knob("nginx-uwsgi-streaming", "client_body_in_single_buffer", ["on"], ""))
    front, app = other.services
    shipped = DEPLOYMENTS["nginx-uwsgi-streaming"].services[1]
    assert "client_body_in_single_buffer on;" in Path(front.command[-1]).read_text()
    assert app.command == shipped.command


def test_a_turned_variable_is_set_for_each_part(tmp_path: Path) -> None:
    (less,) = turned(tmp_path, Knob("gunicorn-gthread", "MALLOC_TRIM_THRESHOLD_", [""], ""))
    (more,) = turned(tmp_path, Knob("flask", "BLOCK_SIZE", ["65536"], ""))
    assert "MALLOC_TRIM_THRESHOLD_" not in less.services[0].environment
    assert more.services[0].environment["BLOCK_SIZE"] == "65536"
    assert more.services[0].command == DEPLOYMENTS["flask"].services[0].command


def test_every_declared_knob_can_be_turned(tmp_path: Path) -> None:
    speed, check = knob_drafts(
        Order(kind=Kind.KNOBS, rounds=3, seed=1),
        load_knobs(KNOBS, list(ALL_DEPLOYMENTS)),
        ALL_DEPLOYMENTS,
        tmp_path,
    )
    names = [one.name for one in speed.deployments]
    assert len(names) == len(set(names))
    assert {one.cell.deployment for one in speed.cells} | {
        step.cell.deployment for step in speed.steps
    } == set(names)
    assert {one.rounds for one in speed.cells} == {3}
    assert not check.cells
    assert check.checks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("knobs = 1", "knobs.toml: "),
        ('[[knobs]]\ndeployment = "x"\noption = "a"\nvalues = []\nwhy = ""', "unknown deployment 'x'"),
        (
            '[[knobs]]\ndeployment = "flask"\noption = "a"\nvalues = []\nwhy = ""',
            "add methods, cases or users",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "knobs.toml").write_text(text)
    with pytest.raises(UsageError, match=words) as told:
        load_knobs(tmp_path / "knobs.toml", ["flask"])
    assert "\n" not in str(told.value)


def reasons(path: str, text: str) -> list[tuple[str, str, str]]:
    return [(line.option, line.text, line.reason) for line in parse_config(path, text) if line.reason]


def test_a_settings_reason_is_the_comment_above_or_behind_it() -> None:
    assert reasons("a.ini", INI) == [("listen", "listen = 1024", "why")]
    assert reasons("a.conf.template", NGINX) == [("size", "size 1m", "16k by default")]
    assert reasons("a.conf.template", "# nginx's\nalias ${A}/; # it's ours\nb a#b;\n") == [
        ("alias", "alias ${A}/", "it's ours")
    ]
    assert reasons("a.py", '"""Doc."""\n\nimport os\n# many\nthreads = 4\nb = [\n 1,\n]  # two\n') == [
        ("threads", "threads = 4", "many"),
        ("b", "b = [\n 1,\n]", "two"),
    ]


def test_a_setting_of_several_lines_is_replaced_whole() -> None:
    assert set_option("a.py", "a = [\n 1,\n]  # two\nb = 1\n", "a", "2") == "a = 2  # two\nb = 1\n"


def test_a_table_tells_what_turning_did() -> None:
    one = msgspec.structs.replace(DEPLOYMENTS["uwsgi-tuned"], name="flask")
    knobs = [
        Knob("flask", "listen", [""], "queues", methods=["request.stream"], size="10MB"),
        Knob("flask", "BLOCK_SIZE", ["1"], "blocks; 64 KiB by default", cases=["stall"]),
        Knob("flask", "harakiri", ["1"], "off by default, and here: nobody did"),
        Knob("flask", "master", ["false"], "no reason given", cases=["stall"]),
    ]
    names = [knob.name(knob.values[0]) for knob in knobs]
    targets = [msgspec.structs.replace(RUN.targets[0], name=name) for name in ("flask", names[0])]
    rows = [
        measured(name, seconds=seconds)
        for name, seconds in (("flask", 0.1), (names[0], 0.2))
        for _ in "123456"
    ]
    rows = [msgspec.structs.replace(row, round=number) for number, row in enumerate(rows)]
    cells = [msgspec.structs.replace(RUN.cells[0].cell, deployment=name) for name in ("flask", names[0])]
    run = msgspec.structs.replace(
        RUN, targets=targets, cells=[RUN.cells[0]._replace(cell=cell) for cell in cells]
    )
    checks = [
        Check(
            case="stall", deployment=name, route="/", label="", started_at="", verdict=verdict, text=text
        )
        for name, verdict, text in (
            (names[1], Verdict.FAIL, "cut off"),
            (names[3], Verdict.PASS, "411"),
            (names[3], Verdict.FAIL, "no answer"),
        )
    ]  # fmt: skip
    table = settings_table(one, {"a.ini": INI}, knobs, Turned(run, rows, [], checks))
    assert [row.cells[:3] for row in table.rows] == [
        ["`listen = 1024`", "", "why"],
        ["no `BLOCK_SIZE`", "64 KiB", "blocks"],
        ["no `harakiri`", "off", "nobody did"],
        ["`master = true`", "", "no reason given"],
    ]
    assert "without: request.stream: 0.50 times as fast" in table.rows[0].cells[3]
    assert table.rows[1].cells[3] == "`1`: stall: fail, cut off"
    assert table.rows[2].cells[3] == "`1`: not measured"
    assert table.rows[3].cells[3] == "`false`: stall: fail, no answer, at 1 of 2 requests; else pass 411"
    assert rows[0].status is Status.OK
    assert rows[0].size_bytes != MIB


@pytest.mark.parametrize("name", ["uwsgi-http-router", "uwsgi-post-buffering-1"])
@pytest.mark.slow
def test_what_not_to_do_is_slow_and_no_worse(tmp_path: Path, name: str) -> None:
    need("uwsgi")
    (one,) = turned(tmp_path, Knob("uwsgi-tuned", "config", [f"configs/uwsgi/{name}.ini"], ""))
    payload = write_payload(tmp_path / "payload", 64 << 10)
    with Processes() as processes:
        runtime = LocalRuntime(processes, Scratch.make(processes, tmp_path, "run"), tmp_path, {})
        (target,) = runtime.start([one])
        client = Client(processes)
        assert client.wait_healthy(target, 120, lambda: runtime.explain(one.name))[1] == ""
        outcome = client.measure(target.url, "request.stream", payload, 60)
    assert (outcome.status, outcome.error) == (Status.OK, None)


def test_an_interval_on_a_page_holds_1_where_the_page_says_no_difference() -> None:
    found = [one for page in DOCS.glob("*.md") for one in INTERVAL.findall(page.read_text())]
    assert len(found) > 50
    for same, low, high in found:
        assert bool(same) == (float(low) <= 1 <= float(high)), (same, low, high)
