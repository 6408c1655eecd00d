"""Why a row is slow, in words: each rule by a record that shows its cause, and one that does not."""

from math import inf
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.cause_rules import RULES
from uploadlab.analysis.cells import summarize
from uploadlab.analysis.diagnosis import diagnose as causes_of
from uploadlab.analysis.diagnosis import explain
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.profiles import Calls
from uploadlab.model.runs import Run
from uploadlab.presenting.tables import cost_table
from uploadlab.units import MIB

from .helpers import RUN, SIZE, measured

REFERENCE = measured("raw-sink", seconds=1.0, server_cpu_seconds=0.5)
QUIET = {
    "connected_seconds": 0.01,
    "sent_seconds": 9.0,
    "response_wait_seconds": 0.1,
    "server_seconds": 9.9,
    "server_cpu_seconds": 0.9,
    "client_cpu_seconds": 7.0,
    "client_peak_rss_bytes": 30 * MIB,
    "spooled_bytes": 0,
}
"""An upload of ten seconds that shows no cause."""

BIG = {"size_bytes": 64 * MIB, "spooled_bytes": 64 * MIB}
CAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "lost-body": ({"status": Status.WRONG, "stored_bytes": 0}, "but 0 bytes were stored"),
    "copied-afterwards": (
        BIG | {"response_wait_seconds": 6.1},
        "After the last byte, the client waited for 61% of the upload's time: the app copied",
    ),
    "spooled-first": (
        BIG | {"response_wait_seconds": 5.0, "server_seconds": 4.0},
        "the client waited for 50% of the upload's time: the front server wrote",
    ),
    "built-first": ({"connected_seconds": 4.0}, "The client connected after 40% of the upload's time"),
    "busy-client": ({"client_cpu_seconds": 9.0}, "The client was busy for 90% of the time"),
    "body-in-memory": ({"client_peak_rss_bytes": 160 * MIB, "size_bytes": 64 * MIB}, "2.5 times"),
    "busy-server": ({"server_cpu_seconds": 9.0}, "18 times the CPU of the reference"),
    "idle": ({"client_cpu_seconds": 0.1}, "For 90% of the time neither client nor server"),
}
BUSY = {
    "busy-with-lines": ("request.stream-lines", "`request.stream`"),
    "busy-with-forms": ("request.files-streamed", "`multipart-push`"),
    "busy-server": ("request.files-direct", "larger blocks"),  # stores the file once
}
"""A method by which a server is busy, and a word of the fix."""
LINES = Calls(SIZE, 3.0, {("werkzeug/wsgi.py", "readinto"): (SIZE + 2, 1.8)})
FORM = Calls(SIZE, 0.5, {("upload_app/form_parser.py", "_events"): (5, 0.3)})
OLD_FORM = Calls(SIZE, 0.5, {("werkzeug/formparser.py", "_parse_multipart"): (1, 0.3)})
PROFILED = {
    "read-by-bytes": (LINES, "`LimitedStream.readinto` was called 1.0 times for each byte"),
    "parsed-form": (FORM, "Werkzeug's multipart parser took 60% of the profiled time"),
}


def diagnose(*of: Any) -> list[str]:
    """Return each cause as a line with its name, its sentence and its places."""
    return [f"{cause.rule.name}: {cause.sentence} {cause.where}." for cause in causes_of(*of)]


def slow(**more: Any) -> Measurement:
    return measured("flask", seconds=10.0, **{**QUIET, **more})


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_that_a_record_shows_is_said(name: str) -> None:
    fields, words = CAUSES[name]
    rows = [slow(**fields) for _ in range(3)]
    size_bytes = rows[0].size_bytes
    reference = measured("raw-sink", seconds=1.0, server_cpu_seconds=0.5, size_bytes=size_bytes)
    (line,) = diagnose(RUN, [*rows, reference])
    assert line.startswith(f"{name}: ")
    assert words in line
    assert line.endswith("request.stream on flask.")
    (cause,) = explain(RUN, [*rows, reference], rows)
    assert f"{cause.rule.name}: {cause.sentence} request.stream on flask." == line


@pytest.mark.parametrize("name", PROFILED)
def test_a_cause_that_a_profile_shows_is_said(name: str) -> None:
    calls, words = PROFILED[name]
    (line,) = diagnose(RUN, [slow(), REFERENCE], {("flask", "request.stream"): calls})
    assert line.startswith(f"{name}: ")
    assert words in line
    assert diagnose(RUN, [slow(), REFERENCE], {("flask", "request.files"): calls}) == []


def test_a_profile_of_an_older_version_names_werkzeugs_parser() -> None:
    (line,) = diagnose(RUN, [slow(), REFERENCE], {("flask", "request.stream"): OLD_FORM})
    assert line.startswith("parsed-form: ")


def test_without_a_cause_nothing_is_said() -> None:
    assert diagnose(RUN, [slow(), REFERENCE]) == []
    assert diagnose(RUN, [measured("flask", status=Status.UNAVAILABLE, seconds=None), REFERENCE]) == []


def test_what_socket_buffers_hold_was_not_spooled_in_front() -> None:
    small = slow(spooled_bytes=SIZE, response_wait_seconds=5.0, server_seconds=4.0)
    assert diagnose(RUN, [small, REFERENCE]) == []


def test_only_what_counts_is_compared_with_what_counts() -> None:
    busy = slow(client_cpu_seconds=9.0)
    warmup = measured("raw-sink", seconds=99.0, warmup=True)
    assert len(diagnose(RUN, [busy, REFERENCE, warmup, warmup, warmup])) == 1
    before = measured("flask", seconds=None, status=Status.UNAVAILABLE)
    assert len(diagnose(RUN, [before, busy, REFERENCE])) == 1


def test_what_is_fast_enough_needs_no_explanation() -> None:
    row = measured("flask", seconds=1.9, client_cpu_seconds=1.9)
    assert diagnose(RUN, [row, REFERENCE]) == []
    assert explain(RUN, [row, REFERENCE], [row]) != []


def test_places_stand_together_by_method_in_the_order_of_the_run() -> None:
    busy = {"client_cpu_seconds": 9.0}
    rows = [slow(**busy), measured("flask", "request.files", 10.0, **{**QUIET, "client_cpu_seconds": 8.2})]
    (line,) = diagnose(RUN, [*rows, REFERENCE])
    assert "82% to 90%" in line
    assert line.endswith("request.stream on flask; request.files on flask.")


def test_a_run_of_before_these_fields_is_read_all_the_same() -> None:
    assert diagnose(RUN, [measured("flask", seconds=10.0), REFERENCE]) == []


def test_every_rule_has_a_test() -> None:
    elsewhere = {"waited-after-last-byte", "stalled"}  # test_client_causes.py
    assert {rule.name for rule in RULES} == {*CAUSES, *PROFILED, *BUSY, *elsewhere}


@pytest.mark.parametrize("name", BUSY)
def test_a_busy_server_is_fixed_by_how_its_app_reads(name: str) -> None:
    method, fix = BUSY[name]
    row = measured("flask", method, 10.0, **{**QUIET, "server_cpu_seconds": 9.0})
    (cause,) = causes_of(RUN, [row, measured("flask"), REFERENCE])
    assert (cause.rule.name, cause.times, cause.where) == (name, 10.0, f"{method} on flask")
    assert "18 times the CPU of the reference" in cause.sentence
    assert fix in cause.rule.fix


def test_what_loses_a_file_comes_first_then_what_costs_the_most() -> None:
    lost = measured("flask", "request.stream-chunked", status=Status.WRONG, stored_bytes=0)
    built = {**QUIET, "connected_seconds": 15.0, "client_cpu_seconds": 12.0}
    fast, slower = measured("gunicorn"), measured("flask", "request.files", 20.0, **built)
    run = msgspec.structs.replace(RUN, targets=[*RUN.targets, Target("gunicorn", "")])
    causes = causes_of(run, [fast, slow(client_cpu_seconds=9.0), slower, lost, REFERENCE])
    assert [(cause.rule.name, cause.times) for cause in causes] == [
        ("lost-body", inf),
        ("built-first", 20.0),
        ("busy-client", 10.0),
    ]


def costs_of(run: Run, rows: list[Measurement]) -> list[list[str]]:
    return [row.cells for row in cost_table(run, summarize(run, rows)).rows]


def test_costs_stand_below_their_deployment() -> None:
    rows = [
        measured("flask", server_cpu_seconds=0.005, server_peak_rss_bytes=50 * MIB, spooled_bytes=10 * MIB),
        measured("flask", "request.files", status=Status.WRONG, server_cpu_seconds=9.0),
        measured("raw-sink", server_cpu_seconds=0.001, spooled_bytes=4096, client_peak_rss_bytes=30 * MIB),
    ]
    assert costs_of(RUN, rows) == [
        ["flask"],
        ["request.stream", "~10*", "0.50", "50 MiB", "10 MiB", "-"],
        ["request.files", "wrong", "-", "-", "-", "-"],
        ["raw-sink"],
        ["request.stream", "~10", "0.10", "-", "0", "30 MiB"],
    ]
