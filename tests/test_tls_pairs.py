"""What TLS costs: each front over TLS beside the same front without, and what is said of both."""

import importlib.util
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.round_pairs import times_as_much
from uploadlab.declared.compose import config_texts
from uploadlab.declared.config_syntax import bare_lines
from uploadlab.declared.knobs import Knob
from uploadlab.declared.plans import load_plan
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Order
from uploadlab.pages.settings_tables import Turned, settings_table
from uploadlab.pages.tls import WITHOUT
from uploadlab.paths import PLANS, ROOT
from uploadlab.planning.draft import draft

from .helpers import ALL_DEPLOYMENTS, RUN, measured

OF_TLS = {
    "nginx-tls": {
        "listen",
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_protocols",
        "http2_body_preread_size",
    },
    "caddy-tls": {"auto_https", "servers", "protocols", "tls", "http://:{$PORT}", "https://:{$PORT}"},
    "haproxy-tls": {"bind", "tune.h2.initial-window-size", "http-request"},
}
"""The options in which the configs of a pair may differ: TLS, HTTP/2 and its window."""


def lines_of(name: str) -> dict[str, set[str]]:
    """The config of a front, and of the app behind it, by the options: each with its lines."""
    options: dict[str, set[str]] = {}
    for path, text in config_texts(ROOT, [ALL_DEPLOYMENTS[name]]).items():
        for line in bare_lines(path, text):
            if line not in ("{", "}"):
                options.setdefault(line.split()[0], set()).add(line)
    return options


@pytest.mark.parametrize("name", WITHOUT)
def test_a_front_differs_from_its_twin_by_tls_alone(name: str) -> None:
    over_tls, plain = lines_of(name), lines_of(WITHOUT[name])
    different = {
        option for option in over_tls.keys() | plain.keys() if over_tls.get(option) != plain.get(option)
    }
    assert different
    assert different <= OF_TLS[name]
    twins = [ALL_DEPLOYMENTS[each] for each in (name, WITHOUT[name])]
    assert [twin.tls for twin in twins] == [True, False]
    commands, environments = (
        [getattr(part, field) for twin in twins for part in twin.services]
        for field in ("command", "environment")
    )
    assert [len(command) for command in commands] == [4, 4]
    assert commands[0][3] == commands[1][3]  # the app's config
    assert environments[0] | {"LAB_DEPLOYMENT": ""} == environments[1] | {"LAB_DEPLOYMENT": ""}


def test_the_plan_sends_the_same_to_both_of_a_pair() -> None:
    cells = {planned.cell for planned in draft(Order(plan="tls")).cells}
    for tls, plain in WITHOUT.items():
        sent = {(cell.method, cell.size_bytes) for cell in cells if cell.deployment == plain}
        assert sent
        assert sent <= {(cell.method, cell.size_bytes) for cell in cells if cell.deployment == tls}
    assert load_plan("tls", PLANS).minutes


def uploads(name: str, server: list[float], **more: Any) -> list[Measurement]:
    return [
        measured(name, round=number, server_cpu_seconds=seconds, client_cpu_seconds=1.0, **more)
        for number, seconds in enumerate(server)
    ]


def test_a_cell_is_divided_by_another_in_each_round() -> None:
    above, below = (Cell(name, "request.stream", RUN.cells[0].cell.size_bytes) for name in ("a", "b"))
    # The host was slow in some rounds, for both.
    base = [1.0, 9.0, 1.0, 5.0, 1.0, 2.0]
    rows = uploads("a", [3 * seconds for seconds in base]) + uploads("b", base)
    ratio = times_as_much(rows, above, below, "server_cpu_seconds")
    assert ratio
    assert tuple(ratio) == (3, 3, 3)
    assert times_as_much(rows[4:], above, below, "server_cpu_seconds") is None  # two rounds in common
    lost = msgspec.structs.replace(rows[0], status=Status.REFUSED)
    assert times_as_much([lost, *rows[1:]], above, below, "server_cpu_seconds") is None


def test_a_setting_is_shown_by_its_cpu() -> None:
    knob = Knob("nginx-tls", "ciphers", ["old"], "none", methods=["request.stream"], size="10MB", cpu=True)
    size_bytes = 10_000_000
    rows = uploads("nginx-tls", [1.0] * 6, size_bytes=size_bytes)
    rows += uploads(knob.name("old"), [2.0] * 6, size_bytes=size_bytes)
    (row,) = settings_table(ALL_DEPLOYMENTS["nginx-tls"], {}, [knob], Turned(RUN, rows, [], [])).rows
    assert row.cells[3] == (
        "`old`: CPU of the server: 2.00 times [2.00, 2.00]; "
        "CPU of the client: no difference, 1.00 times [1.00, 1.00]"
    )
    (row,) = settings_table(ALL_DEPLOYMENTS["nginx-tls"], {}, [knob], Turned(RUN, [], [], [])).rows
    assert row.cells[3] == "`old`: not measured"


def test_a_changed_front_gets_a_certificate_although_its_name_is_none_of_a_host(tmp_path: Path) -> None:
    pytest.importorskip("trustme")
    path = ROOT / "services/fronts/start.py"
    spec = importlib.util.spec_from_file_location("fronts_start", path)
    assert spec
    assert spec.loader
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)
    name = "nginx-tls~ssl_protocols=TLSv1.2"
    folders = {"RUN_DIR": str(tmp_path), "CA_DIR": str(tmp_path)}
    start.make_certificate({**folders, "LAB_DEPLOYMENT": name, "HOST": "127.0.0.1"})
    context = ssl.create_default_context(cafile=str(tmp_path / f"{name}.pem"))
    context.load_cert_chain(tmp_path / "tls.pem")
