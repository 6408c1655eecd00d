"""The findings' own snippets and tables say what is so; the table of symptoms leads to each section."""

import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
import requests
from uploadlab.model.checks import Check, Verdict
from uploadlab.pages import outcomes
from uploadlab.paths import DOCS, REPRODUCTIONS

from .fake_server import serve
from .pages import links, sections
from .test_check import row

FINDINGS = (DOCS / "findings.md").read_text()
CUT_BODIES = REPRODUCTIONS / "cut_bodies.py"
BODY = b"x" * 100_000


def snippet(heading: str) -> dict[str, Any]:
    """What the section's own code defines: not that of a recipe, which the generator writes."""
    section = FINDINGS.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    written = re.sub(r"<!-- begin: .+? -->\n.*?<!-- end -->\n", "", section, flags=re.DOTALL)
    (code,) = re.findall(r"^```python\n(.*?)^```", written, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"request": flask.request, "abort": flask.abort, "requests": requests}
    exec(code, names)
    return names


def test_the_table_of_symptoms_leads_to_each_section() -> None:
    page = DOCS / "troubleshooting.md"
    led = links(page.read_text().partition("\n## ")[0])
    wanted = {f"#{section.anchor}" for section in sections(page) if section.level == 3}
    assert wanted - set(led) == set()


def received(path: Path, announced: int) -> int:
    """The status where the server ends the input as if nothing was missing."""
    receive = snippet("A cut body that looks whole")["receive"]
    app = flask.Flask(__name__)

    @app.put("/")
    def put() -> tuple[str, int]:
        receive(path)
        return "", 201

    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(announced)}
    return app.test_client().put("/", input_stream=io.BytesIO(BODY), environ_overrides=environ).status_code


def test_a_cut_body_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    assert received(tmp_path / "whole", len(BODY)) == 201
    assert (tmp_path / "whole").read_bytes() == BODY
    assert received(tmp_path / "cut", len(BODY) + 1) == 400
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


@pytest.fixture
def upload(tmp_path: Path) -> Iterator[Callable[[int, dict[str, Any]], None]]:
    """The client of the finding, to a server that gives this answer."""
    path = tmp_path / "file"
    path.write_bytes(BODY)
    send = snippet("Clients that report success without every byte")["upload"]
    with serve() as fake:

        def sent(status: int, answer: dict[str, Any]) -> None:
            fake.answers["POST"] = (status, answer)  # of a PUT, too
            send(path, fake.url)

        yield sent


def test_a_client_believes_only_an_answer_that_names_every_byte(
    upload: Callable[[int, dict[str, Any]], None],
) -> None:
    upload(201, {"size_bytes": len(BODY)})
    for status, answer in ((201, {"size_bytes": 0}), (200, {"size_bytes": len(BODY)}), (302, {}), (413, {})):
        with pytest.raises(RuntimeError, match=f"does not have all .* {status} "):
            upload(status, answer)


def test_how_a_cut_body_ends_is_shown_without_the_lab() -> None:
    done = subprocess.run(
        [sys.executable, CUT_BODIES, "gunicorn", "werkzeug"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    _, _, werkzeug, gunicorn = done.stdout.splitlines()
    assert re.fullmatch(r"werkzeug \S+ +an error: ClientDisconnected +an error: \w+", werkzeug)
    assert re.fullmatch(r"gunicorn \S+ +the end after 10,000 bytes +an error: \w+", gunicorn)


def test_the_kept_output_has_each_server_of_the_script() -> None:
    spec = importlib.util.spec_from_file_location("cut_bodies", CUT_BODIES)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, _, *lines = CUT_BODIES.with_suffix(".txt").read_text().splitlines()
    assert [re.split(r" \d", line)[0] for line in lines] == list(module.SERVERS)


def kept(rows: dict[str, list[Check]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pages show these checks as the kept ones."""
    monkeypatch.setattr(outcomes, "kept", lambda name: SimpleNamespace(checks=rows[name]))


def cells(table: str) -> list[list[str]]:
    """What the table's lines have, its head left out."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_a_table_names_the_deployments_by_what_happened_the_losers_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad, more = Verdict.PASS, Verdict.FAIL, {"case": "chunked"}
    rows = [
        row("flask", good, stored_bytes=9, **more), row("gunicorn", good, stored_bytes=9, **more),
        row("mod-wsgi", good, "411", **more), row("pyvoy", bad, "400", **more),
        row("pyvoy", Verdict.LOSS, stored_bytes=0, **more), row("envoy", bad, "502", **more),
        row("caddy", Verdict.UNAVAILABLE, **more),
    ]  # fmt: skip
    kept({outcomes.ALL_SERVERS: rows}, monkeypatch)
    assert cells(outcomes.chunked_outcomes()) == [
        [outcomes.LOST, "1", "`pyvoy`"],
        [outcomes.REFUSED, "1", "`mod-wsgi`"],
        [outcomes.OTHER, "1", "`envoy`"],
        [outcomes.STORED, "2", "`flask`, `gunicorn`"],
    ]
    with pytest.raises(ValueError, match="cut-chunks is not in"):
        outcomes.cut_outcomes()


def test_a_cut_body_is_kept_noticed_or_refused_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, more = Verdict.FAIL, {"case": "cut-chunks"}
    rows = [
        row("flask", Verdict.PASS, "400", **more),
        row("granian", bad, code="client-gone-but-stored", **more),
        row("envoy", bad, code="no-answer-disconnected", **more),
    ]
    kept({outcomes.ALL_SERVERS: rows}, monkeypatch)
    assert cells(outcomes.cut_outcomes()) == [
        [outcomes.KEPT_PART, "1", "`granian`"],
        [outcomes.NOTICED, "1", "`flask`"],
        [outcomes.NO_REASON, "1", "`envoy`"],
    ]


def test_long_heads_and_silent_clients_name_those_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [row(name, verdict, case=case) for case in outcomes.SILENT for name, verdict in FAILING.items()]
    heads = [row(name, verdict, case="long-heads") for name, verdict in FAILING.items()]
    stopped = [
        row("flask", Verdict.PASS, case="slow-clients"),
        row("uwsgi-default", Verdict.PASS, case="slow-clients", stopped_by=2),
        row("gunicorn", Verdict.PASS, case="slow-clients", stopped_by=1),
    ]
    kept({outcomes.ALL_SERVERS: [*late, *heads], outcomes.SLOW_CLIENTS: stopped}, monkeypatch)
    *crowds, slow = cells(outcomes.silent_client_outcomes())
    assert [line[1:] for line in crowds] == [["1 of 2", "`gunicorn`"]] * len(outcomes.SILENT)
    assert slow[1:] == ["2 of 3", "`gunicorn` (1), `uwsgi-default` (2)"]
    assert cells(outcomes.long_head_outcomes()) == [["", "1 of 2", "no answer: `gunicorn`"]]


FAILING = {"flask": Verdict.PASS, "gunicorn": Verdict.FAIL}
