"""Words of a hostile server in every output of the lab: no terminal, page or sheet acts."""

import csv
import io
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from uploadlab import session
from uploadlab.paths import ROOT
from uploadlab.presenting.terminal import Screen
from uploadlab.runtimes.local import free_ports
from uploadlab.storage.files import REPORT
from uploadlab.storage.run_folder import RunFolder

from .helpers import DEPLOYMENTS, environment, lab, need, wait_until
from .hostile_server import BAD, harmful, hostile
from .locust_runs import for_long_enough
from .report_runs import HOSTILE, loaded_run

pytestmark = pytest.mark.slow

SMALL = ("--runtime", "local", "--deployments", "raw-sink")
RUN = ("run", *SMALL, "--plan", "smoke", "--methods", "request.stream,multipart-push", "--sizes", "1KiB")
LIES = {"POST": (201, {"id": "x", "seconds": -1, "size_bytes": "many", "profile_note": BAD})}
DIGEST = {"GET": (200, {"size_bytes": 1024, "digest": BAD})}


def outputs(*words: str | Path) -> str:
    """What a command prints, all of it harmless."""
    done = lab(*words)
    assert harmful(done.stdout + done.stderr) == []
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose target refused all uploads, with load."""
    out = tmp_path_factory.mktemp("refused")
    with hostile() as server:
        text = outputs(
            *RUN, "--rounds", "1", "--load", "--users", "1", "--target", f"bad={server.url}", "--out", out
        )
    assert "refused" in text
    (folder,) = out.iterdir()
    return folder


@pytest.mark.parametrize("words", [["show", "bad/request.stream/1KiB"], ["report", "--format", "md"]])
def test_what_a_server_says_is_text_in_every_output(refused: Path, words: list[str]) -> None:
    command, *options = words
    text = outputs(command, refused, *options)
    assert r"E\x1b[31mred" in text.replace(r"\\x", r"\x")
    assert "\U0001f480" not in text, "an emoji"


def test_a_run_that_is_shown_again_is_text(refused: Path) -> None:
    assert outputs("diff", refused, refused, "--force")
    page = (refused / REPORT).read_text()
    for part in re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL).split("\n"):
        assert harmful(part) == []
    assert "<img" not in page


def test_markdown_of_a_servers_words_has_no_link_no_heading_and_no_cell(refused: Path) -> None:
    text = outputs("report", refused, "--format", "md")
    outside = re.sub(r"^```\n.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "](" not in outside
    assert "http://evil" not in outside
    assert "<img" not in outside
    assert not re.search(r"^\W*# heading", outside, re.MULTILINE)
    assert not re.search(r"(?<!\\)\| cell (?<!\\)\|", outside)
    assert not re.search(r"(?<![\\`])`code", outside)


def test_a_sheet_of_a_servers_words_has_no_formula(refused: Path) -> None:
    text = outputs("report", refused, "--format", "csv")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert any("1+1" in cell for cell in cells)
    assert [cell for cell in cells if re.search(r"(^|[;\n])\s*[=+@-]", cell)] == []


def test_names_in_a_strangers_run_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = loaded_run(tmp_path / "loaded").path
    for path in [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]:
        path.write_text(path.read_text().replace(HOSTILE, json.dumps(BAD)[1:-1]))
    for words in (["--format", "md"], ["--format", "csv"], []):
        assert outputs("report", folder, *words)
    page = (folder / REPORT).read_text().partition('class="filters"')[0].rpartition("</style>")[2]
    assert harmful(re.sub(r' data-\w+="[^"]*"', "", page)) == []  # by these, filters find what they hide
    for command in (("diff", folder, folder, "--force"), ("show", folder, f"{BAD}/request.stream/1MiB")):
        assert r"\x1b[31m" in outputs(*command)
    session.show(RunFolder(folder), Screen(tables=True))
    shown = capsys.readouterr()
    assert harmful(shown.out + shown.err) == []
    assert r"\x1b[31m" in shown.out.replace("\n", "")


@pytest.mark.parametrize("answers", [{}, LIES, {**LIES, **DIGEST}, {"POST": (302, {})}, {"POST": (409, BAD)}])
def test_a_check_of_a_hostile_server_prints_text(answers: dict[str, Any], tmp_path: Path) -> None:
    with hostile(**answers) as server:
        target = ("--target", f"bad={server.url}", "--out", tmp_path)
        text = outputs("check", *SMALL, "--cases", "content-length,chunked", *target)
    assert "bad" in text


def test_a_server_that_does_not_get_healthy_is_named_in_text(tmp_path: Path) -> None:
    with hostile(healthy=False) as server:
        text = outputs(*RUN, "--rounds", "1", "--target", f"bad={server.url}", "--out", tmp_path)
    assert "503" in text


@pytest.mark.parametrize("answers", [{}, LIES, {**LIES, **DIGEST}, {"POST": (302, {})}])
def test_the_uploader_prints_text(answers: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "file\x1b[31m"
    file.write_bytes(b"x" * 1024)
    with hostile(**answers) as server:
        command = [
            sys.executable,
            str(ROOT / "client" / "uploader.py"),
            str(file),
            "--url",
            server.url,
            "--profile",
        ]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=600, check=False
        )
    assert done.returncode == 1
    assert harmful(done.stdout + done.stderr) == []
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
def test_locust_prints_text(kind: str, tmp_path: Path) -> None:
    with hostile(in_headers=kind == "WithRequests") as server:
        words = ["--host", server.url, "--size", "1KiB", "--rows", str(tmp_path / "r"), kind]
        where = environment(TMPDIR=str(tmp_path))
        done = for_long_enough(words, 4, where, lambda done: "refused: " in done.stderr)
    assert r"refused: E\x1b[31mred" in done.stderr
    assert harmful(done.stdout + done.stderr) == []


@pytest.mark.parametrize("name", ["flask", "uwsgi-default"])
def test_a_server_that_is_served_prints_its_clients_words_as_text(name: str, tmp_path: Path) -> None:
    need(*DEPLOYMENTS[name].needs)
    (port,) = free_ports(1)
    with open(tmp_path / "said", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "uploadlab", "serve", name],
            env=environment(PORT=str(port)), stdout=said, stderr=said,
        )  # fmt: skip
    try:
        wait_until(lambda: "answers on" in (tmp_path / "said").read_text())
        for line in (b"GET /\x1b[31mX?\x9b2J\x07 HTTP/1.1", b"G\x1b[31mT /marked HTTP/1.1"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
                client.settimeout(60)
                client.recv(1)
        wait_until(lambda: "/marked" in (tmp_path / "said").read_text(errors="surrogateescape"))
    finally:
        process.terminate()
        process.wait(300)
    text = (tmp_path / "said").read_text(errors="surrogateescape")
    assert harmful(text) == []
    assert r"\x1b[31" in text


@pytest.mark.parametrize(
    "words", [["report", "\x1b[31mx"], ["\x1b[31m"], ["show", "last", "\x9b1m/\u202e/1"], ["--\x1b[31m"]]
)
def test_a_mistake_is_printed_as_text(words: list[str]) -> None:
    assert outputs(*words)
