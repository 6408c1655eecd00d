"""Logs: every kind of line by lines that programs have really written, and logs that say nothing."""

import gzip
import io
import sys
import tomllib
import tracemalloc
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from uploadlab.doctoring.causes import cause_of
from uploadlab.doctoring.logs import load_log_lines, log_findings, read_log
from uploadlab.errors import LabError
from uploadlab.model.diagnoses import Confidence, Weight

RECORDED: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "recorded_lines.toml").read_text())[
    "recorded"
]
TOO_LARGE = next(item["line"] for item in RECORDED if "too large body" in item["line"])
QUIET = """
127.0.0.1 - - [27/Nov/2026:15:12:02 +0000] "POST /up HTTP/1.1" 200 11 "-" "curl/7.88.1"
127.0.0.1 - - [27/Nov/2026:15:12:02 +0000] "GET /413 HTTP/1.1" 404 413 "-" "-"
127.0.0.1 - - [27/Nov/2026:15:12:02 +0000] "GET /up HTTP/1.1" 502 157 "-" "-"
127.0.0.1:49442 [27/Nov/2026:15:12:02.084] web app/gunicorn 0/0/0/22/22 200 136 - - ---- 1/1/0/0/0 0/0 "POST /up"
[2026-11-27T15:12:05.319Z] "POST /up HTTP/1.1" 200 - 3 11 5 3 "-" "curl/7.88.1" "97b1" "app.example" "127.0.0.1:99"
[2026-11-27T15:12:05.319Z] "PUT /up HTTP/1.1" 200 - 3 11 5 3 "-" "UT SI UC/7.88.1" "97b1" "app.example" "127.0.0.1"
2026/11/27 15:12:02 [info] 25038#25038: *1 client 127.0.0.1 closed keepalive connection
2026/11/27 15:11:36 [notice] 25029#25029: start worker process 25038
[2026-11-27 15:11:43 +0000] [25016] [INFO] Starting gunicorn 27.0.1
spawned uWSGI worker 1 (pid: 25703, cores: 1)
[pid: 25703|app: 0|req: 1/1] 127.0.0.1 () {28 vars in 317 bytes} [Fri Nov 27 15:12:05 2026] POST /up => generated 11
INFO:     127.0.0.1:60324 - "POST /up HTTP/1.1" 200 OK
INFO:tornado.access:200 POST /up (127.0.0.1) 2.40ms
{"level":"info","logger":"http.log.access","msg":"handled request","size":11,"status":413,"resp_headers":{"Via":["1.1 Caddy"],"Server":["gunicorn"]}}
    raise MemoryError  # in the text of a traceback
the user wrote: Read timed out, and then ConnectionResetError
""".strip().splitlines()  # noqa: E501
"""Lines of the same programs that show no failed upload."""


def causes(*lines: str) -> list[str]:
    return [finding.cause for finding in log_findings("some.log", lines)]


@pytest.mark.parametrize("item", RECORDED, ids=lambda item: f"{item['of']}-{item['cause']}")
def test_a_line_shows_its_cause_and_no_other(item: dict[str, Any]) -> None:
    assert causes(item["line"]) == [item["cause"]]


def test_every_kind_of_line_has_been_recorded() -> None:
    shown = {finding.symptom for finding in log_findings("all.log", (item["line"] for item in RECORDED))}
    assert {kind.says for kind in load_log_lines()} - shown == set()


@pytest.mark.parametrize("line", QUIET)
def test_a_line_of_no_failure_shows_nothing(line: str) -> None:
    assert causes(line) == []


def test_lines_of_a_kind_are_one_finding_with_their_number_and_places() -> None:
    larger = TOO_LARGE.replace("2000000", "5242880")
    (finding,) = log_findings("error.log", ["", TOO_LARGE, "", larger, TOO_LARGE])
    assert finding.place == "error.log:2"
    assert (finding.weight, finding.confidence) == (Weight.PROBLEM, Confidence.PROVEN)
    assert finding.evidence[0].startswith("3 lines, from line 2 to line 5: 2026/11/27 15:12:57 [error]")
    assert finding.evidence[1:] == ["The largest body: 5 MiB"]


def test_places_are_right_beyond_what_is_searched_at_once() -> None:
    (finding,) = log_findings("error.log", chain(repeat("", 2500), [TOO_LARGE]))
    assert finding.place == "error.log:2501"


def test_the_worst_and_surest_come_first_then_the_most_frequent() -> None:
    buffered = next(item["line"] for item in RECORDED if "is buffered to a temporary file" in item["line"])
    status = next(item["line"] for item in RECORDED if '" 413 ' in item["line"])
    limited = next(item["line"] for item in RECORDED if "limiting requests" in item["line"])
    assert causes(buffered, buffered, status, TOO_LARGE, limited, limited) == [
        "nginx.limit_req", "nginx.client_max_body_size",
        "nginx.client_max_body_size", "nginx.proxy_request_buffering",
    ]  # fmt: skip


def test_other_causes_come_with_the_test_that_tells_them_apart() -> None:
    line = next(item["line"] for item in RECORDED if item["cause"] == "nginx.proxy_read_timeout")
    (finding,) = log_findings("error.log", [line])
    assert finding.others[0].cause == "app.slow-answer"
    assert finding.others[0].test.startswith("the app's own log shows")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (TOO_LARGE.replace("/up", "/up?token=hush-hush"), "hush-hush"),
        (TOO_LARGE.replace('host: "', 'host: "http://me:hush@'), "hush"),
        (TOO_LARGE + ', "Authorization":["Bearer hush-hush"]', "hush-hush"),
        (TOO_LARGE + ", Cookie: session=hush-hush", "hush-hush"),
    ],
)
def test_an_example_has_no_secrets(line: str, secret: str) -> None:
    (finding,) = log_findings("error.log", [line])
    assert secret not in finding.evidence[0]
    assert "too large body" in finding.evidence[0]


def test_an_example_is_one_short_line_with_what_matched() -> None:
    (finding,) = log_findings("error.log", ["x" * 5000 + "\x1b]0;owned\x07" + TOO_LARGE + "y" * 5000])
    assert "client intended to send too large body" in finding.evidence[0]
    assert finding.evidence[0].isprintable()
    assert len(finding.evidence[0]) < 300


def test_colours_of_the_development_server_do_not_hide_a_line() -> None:
    line = '127.0.0.1 - - [27/Nov/2026 15:16:04] "\x1b[31m\x1b[1mPOST /big HTTP/1.1\x1b[0m" 413 -'
    assert causes(line) == ["app.MAX_CONTENT_LENGTH"]


def test_a_log_is_read_packed_or_not_and_from_the_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"one\n{TOO_LARGE}\n".encode()
    plain, packed = tmp_path / "error.log", tmp_path / "error.log.1.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    places = [read_log(name).findings[0].place for name in (str(plain), str(packed), "-")]
    assert places == [f"{plain}:2", f"{packed}:2", "standard input:2"]


def test_a_log_that_says_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("\n".join(QUIET))
    read = read_log(str(tmp_path / "access.log"))
    assert read.findings == []
    assert read.facts == [f"{tmp_path}/access.log: no line of a kind that the doctor knows"]


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "error.log").write_bytes(b"\xff\xfe\x00\n" + TOO_LARGE.encode() + b"\xff\n")
    assert [finding.cause for finding in read_log(str(tmp_path / "error.log")).findings] == [
        "nginx.client_max_body_size"
    ]


@pytest.mark.parametrize("ends", [b"\n", b""], ids=["lines", "one line"])
def test_a_large_log_is_not_held(tmp_path: Path, ends: bytes) -> None:
    log = tmp_path / "large.log"
    log.write_bytes((b"x" * 999 + ends) * 4_000 + b"\n" + TOO_LARGE.encode())
    tracemalloc.start()
    findings = read_log(str(log)).findings
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [finding.cause for finding in findings] == ["nginx.client_max_body_size"]
    assert peak < log.stat().st_size / 1.5


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_a_log_that_cannot_be_read_is_an_error_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabError, match=r"was not read: .*; name a log that you may read, or -") as error:
        read_log(str(tmp_path / name))
    assert "\n" not in str(error.value)


def test_a_packed_log_that_is_cut_off_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(TOO_LARGE.encode() * 100)[:-9])
    with pytest.raises(LabError, match="the packed file ends too early"):
        read_log(str(tmp_path / "cut.gz"))


def test_every_kind_of_line_is_complete_and_names_causes_that_exist() -> None:
    for kind in load_log_lines():
        assert cause_of(kind.cause)
        assert [cause for cause, _ in kind.others if not cause_of(cause)] == []
        assert kind.cause not in [cause for cause, _ in kind.others]
        assert kind.seen in ("observed", "documented")
        assert kind.source.startswith("https://") is (kind.seen == "documented"), kind
        assert not kind.says.endswith(".")
