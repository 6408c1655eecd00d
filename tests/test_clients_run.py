"""A run whose methods are those of other clients compares the clients, not the servers."""

from collections.abc import Mapping
from typing import Any

from uploadlab.analysis.cells import summarize
from uploadlab.analysis.client_ranking import is_of_clients, rank_clients, way_changes
from uploadlab.catalogue.clients import sender_of
from uploadlab.declared.goals import declared_goals
from uploadlab.presenting.composition import compose
from uploadlab.presenting.document import Document, Table
from uploadlab.presenting.html import page
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.storage.reader import StoredRun

from .client_runs import WAYS, clients_run

MISSING = "the client does not start: ./scripts/install clients may fix that"


def document(ways: Mapping[str, Any] = WAYS) -> Document:
    run, rows = clients_run(ways)
    return compose(StoredRun(run, rows, [], [], [], [], {}, []), declared_goals())


def answer(shown: Document) -> dict[str, str]:
    return {statement.head: statement.text for statement in shown.answer}


def table(shown: Document) -> Table:
    (section,) = [section for section in shown.sections if section.id == "clients"]
    return section.tables[0]


def test_a_method_names_its_client_and_way() -> None:
    assert sender_of("httpx-async.stream-1m") == ("httpx-async", "stream-1m")
    assert sender_of("of-another-version.form") == ("of-another-version", "form")
    assert sender_of("request.stream") == ("", "request.stream")
    assert is_of_clients(["request.stream", "curl.stream", "httpx.form"])
    assert not is_of_clients(["request.stream", "request.files", "httpx.form"])


def test_the_answer_compares_clients_at_one_server_for_each_kind_of_body() -> None:
    shown = document()
    fastest = "Of 2 clients, curl.stream sends a raw body the fastest, 1 other way about as fast"
    assert shown.title == f"{fastest}; httpx.stream is 2 times slower"
    said = answer(shown)
    assert said["Raw body"].startswith("curl.stream at raw-sink: 971 MB/s")
    assert said["Form"].startswith("curl.form at flask: 699 MB/s")
    assert "requests.form-docs is 3 times slower" in said["Form"]
    assert said["Client CPU"].startswith("for a raw body, curl.stream takes the least (0.30 s for each GB)")
    assert said["Memory"] == "the whole file is in the memory of requests.form-docs: 1054 MiB for 1 GiB"
    assert (
        said["Change 1"]
        == "httpx: `stream-1m` in place of `stream`: 2 times faster, 0.42 of the client's CPU"
    )
    assert said["Change 2"].startswith("requests: `form` in place of `form-docs`: 2 times faster")
    assert "Fastest" not in said


def test_a_way_that_is_slower_is_no_change_however_cheap() -> None:
    run, rows = clients_run({"node.stream": (900, 1.0), "node.stream-1m": (300, 0.1)})
    assert way_changes(rank_clients(summarize(run, rows), ["raw-sink"])) == []


def test_the_table_has_ways_below_their_client_and_servers_across() -> None:
    shown = table(document())
    assert shown.header == ["", "flask", "raw-sink", "client CPU s/GB", "client RSS", "outside"]
    rows = [row.cells for row in shown.rows]
    first = rows.index(["httpx"])
    assert [row[0] for row in rows[first + 1 : first + 4]] == ["stream", "stream-1m", "form"]
    assert [row[3] for row in rows[first + 1 : first + 4]] == ["1.20", "0.50", "1.60"]


def test_the_picture_has_a_line_for_each_client() -> None:
    shown = document()
    assert [view.label for view in shown.pictures] == [
        "raw, MB/s", "raw, CPU", "form, MB/s", "form, CPU",
    ]  # fmt: skip
    names = [[row.name for row in view.rows] for view in shown.pictures]
    assert names == [["curl", "httpx"]] * 2 + [["curl", "requests", "httpx"]] * 2
    assert [dot.name for dot in shown.pictures[0].rows[1].dots] == ["stream-1m", "stream"]
    assert 'id="cpu-form"' in page(shown)


def test_a_client_that_is_not_there_is_one_line_by_its_name() -> None:
    gone = {"aiohttp.stream": MISSING, "aiohttp.form": MISSING, "node.stream": MISSING}
    shown = document({**WAYS, **gone})
    assert answer(shown)["Failed"] == f"aiohttp and node: not measured, {MISSING}"
    lines = [row.cells for row in table(shown).rows if row.cells[0] in ("aiohttp", "node")]
    assert [line[1:3] for line in lines] == [["unavailable", "unavailable"]] * 2
    only_a_way = document({**WAYS, "curl.stream-h2": "it has HTTP/2 over TLS only"})
    assert answer(only_a_way)["Failed"].startswith("curl.stream-h2: not measured")


def test_the_csv_has_client_way_and_the_clients_cpu() -> None:
    head, *lines = (line.split(",") for line in as_csv(document()).splitlines())
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert {(row["client"], row["way"]) for row in rows} == {tuple(name.split(".")) for name in WAYS}
    cpu = {row["method"]: float(row["client_cpu_seconds_per_gb"]) for row in rows}
    assert round(cpu["httpx.form"], 2) == WAYS["httpx.form"][1]
