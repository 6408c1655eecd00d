"""docs/clients.md: what a run and a check say of clients, as sentences and tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import CLIENT, Target
from uploadlab.model.order import Kind
from uploadlab.pages import client_choices, client_sections, clients, part
from uploadlab.storage.run_folder import RunFolder

from .client_runs import write_clients_run
from .helpers import RUN

TRIED = ("curl", "httpx")


def tried(case: str, verdict: Verdict, client: str = "httpx", **more: Any) -> Check:
    fields = {"route": "stream", "label": "", "text": "what happened", **more}
    return Check(case=case, deployment=client, started_at="", verdict=verdict, **fields)


ROWS = [
    tried("early-200", Verdict.LOSS, text="200, but the server has 9 of 90 bytes", code="lost-part"),
    tried("early-200", Verdict.PASS, route="form"),
    tried("early-413", Verdict.FAIL, code="reason-lost", text="<Error>, though the server sent 413"),
    tried("redirect-303", Verdict.DOCUMENTED),
    tried("login", Verdict.CANNOT, text="it answers no login"),
    tried("file-async", Verdict.ENDLESS),
    tried("early-200", Verdict.PASS, "curl"),
    tried("file-name", Verdict.FAIL, "curl", code="other-name", route="form"),
]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the runs that the page shows, both of them made by hand."""
    write_clients_run(tmp_path / clients.RUN)
    (tmp_path / clients.CHECK).mkdir()
    folder = RunFolder(tmp_path / clients.CHECK)
    targets = [Target(name, "", CLIENT) for name in TRIED]
    cases = list(dict.fromkeys(row.case for row in ROWS))
    versions = {"httpx": {"httpx": "0.28.1", "httpcore": "1.0.9"}}
    folder.write_run(
        msgspec.structs.replace(
            RUN, kind=Kind.CHECK, targets=targets, cells=[], checks=cases, versions=versions
        )
    )
    folder.append_checks(ROWS)
    monkeypatch.setattr(part, "REFERENCE", tmp_path)
    monkeypatch.setattr(clients, "REFERENCE", tmp_path)
    caches = part.kept, part.kept_cells, clients.known_clients
    for cached in caches:
        cached.cache_clear()
    yield tmp_path
    for cached in caches:
        cached.cache_clear()


def lines(text: str, *beginnings: str) -> list[list[str]]:
    """The cells of those rows of a table that begin like this."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if row[0].startswith(beginnings)]


@pytest.mark.usefixtures("kept")
def test_the_sentences_name_the_fastest_the_cheapest_and_who_believes_too_much() -> None:
    text = clients.client_sentences()
    assert "**Fastest with a raw body**: `curl.stream`, 971 MB/s at `raw-sink`." in text
    assert "0.30 (`curl.stream`) to 1.20 (`httpx.stream`)" in text
    assert "**Report success, but the server does not have the file** (1 of 2): `httpx`." in text
    assert "**Never end in some case** (1 of 2): `httpx`." in text
    assert "**Raise an error without the server's reason** (1 of 2): `httpx`." in text


@pytest.mark.usefixtures("kept")
def test_the_page_begins_with_the_fastest_client_and_the_fastest_that_never_lies() -> None:
    (raw,) = lines(client_choices.client_choices(), "a file: its length")
    assert raw[1:] == ["[`curl.stream`](#curl), 971 MB/s"] * 2
    said = client_choices.false_successes()
    assert "1 of 2 clients sometimes report success" in said
    assert said.endswith("They are `httpx`. These never did: `curl`.\n")


@pytest.mark.usefixtures("kept")
def test_a_client_is_shown_by_default_and_with_one_change() -> None:
    (curl, httpx) = lines(clients.client_speed("stream"), "[`")
    assert httpx[:7] == [
        "[`httpx`](#httpx) 0.28.1", "`stream`", "485 (50%)", "1.20", "`stream-1m`", "971 (100%)", "0.50",
    ]  # fmt: skip
    assert httpx[7:] == ["30 MiB", "30 MiB", "15 ms"]
    assert curl[4:7] == ["-"] * 3
    (requests,) = lines(clients.client_speed("form"), "[`requests")
    assert requests[1] == "`form-docs`"
    assert requests[4] == "`form`"
    assert requests[7:9] == ["94 MiB", "1054 MiB"]


@pytest.mark.usefixtures("kept")
def test_the_grid_has_the_worst_of_each_case_in_a_word() -> None:
    server = clients.client_verdicts("server")
    marks = {row[0]: row[1:] for row in lines(server, "`")}
    assert marks["`early-200`"] == ["ok", "**lost**"]
    assert marks["`early-413`"] == ["not tried", "no reason"]
    assert marks["`redirect-303`"] == ["not tried", "GET"]
    assert marks["`login`"] == ["not tried", "-"]
    assert lines(clients.client_verdicts("file"), "`file-name")[0][1:] == ["fail", "not tried"]
    legend = {row[0] for row in lines(clients.client_legend(), *clients.LEGEND)}
    assert {mark for row in marks.values() for mark in row} - {"not tried"} <= legend


@pytest.mark.usefixtures("kept")
def test_the_section_of_a_client_says_what_it_gets_wrong_and_what_it_does_not_have() -> None:
    text = client_sections.each_client()
    httpx = text.partition("### httpx\n")[2].partition("\n### ")[0]
    assert "httpx 0.28.1, httpcore 1.0.9." in httpx
    wrong = {tuple(row[:3]): row[3] for row in lines(httpx, "**lost**", "fail")}
    assert wrong["**lost**", "`early-200`", "stream"] == "200, but the server has 9 of 90 bytes"
    assert wrong["fail", "`early-413`", "stream"] == "&lt;Error>, though the server sent 413"
    assert "- `login`: it answers no login." in httpx
    assert lines(httpx, "`stream-1m`")[0][2:4] == ["971 (100%)", "0.50"]
    assert lines(text.partition("### aiohttp\n")[2], "`stream`")[0][2] == "-"


def test_a_page_without_kept_runs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "REFERENCE", tmp_path)
    clients.known_clients.cache_clear()
    assert clients.client_sentences() == clients.client_speed("stream") == clients.NOT_YET
    assert client_choices.client_choices() == client_choices.false_successes() == clients.NOT_YET
    assert "### curl" in client_sections.each_client()
    clients.known_clients.cache_clear()
