"""``lab check --clients``: all clients at the server that misbehaves, once; every test reads that run.

But for Chromium, which takes 2 CPU seconds for a page: it has a run of its own, of a few cases.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from uploadlab.analysis.client_findings import GOOD, ClientFinding, client_findings
from uploadlab.analysis.grid import latest
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import CHECKED_CLIENTS
from uploadlab.checking.client_stage import ways_for
from uploadlab.errors import UsageError
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.paths import client_environment
from uploadlab.planning.draft import draft
from uploadlab.presenting.check_answer import check_statements
from uploadlab.presenting.grid import grids
from uploadlab.storage.reader import UNKNOWN
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab, leave_out, need
from .test_check_grid import only_run
from .test_client_programs import NEED

CASES = (
    "takes-all", "closes-kept", "early-200", "early-413-tls", "early-413-open", "redirect-307",
    "redirect-303", "login", "expect", "file-grows", "file-empty", "file-async", "file-name",
)  # fmt: skip
"""Those that wait least."""
IN_CHROMIUM = ("takes-all", "early-413-open", "file-empty")
"""All of its ways, of each kind; the committed run has all cases in it."""
LIBRARIES = [client for client in CHECKED_CLIENTS if client != "chromium"]


class Checked:
    """The run, as the tests read it."""

    def __init__(self, folder: RunFolder, said: str) -> None:
        self.folder, self.said = folder, said
        self.run: Run = folder.read_run()
        self.rows: list[Check] = latest(folder.read_checks())
        self.findings = {(found.client, found.case): found for found in client_findings(self.run, self.rows)}

    def found(self, client: str, case: str) -> ClientFinding:
        """What a client does in a case; skip the test where the client is not installed."""
        finding = self.findings[client, case]
        if finding.verdict is Verdict.UNAVAILABLE:
            leave_out(NEED, finding.rows[0].text)
        return finding

    def worst(self, client: str, case: str, way: str, label: str = "") -> Check:
        """The row of a way."""
        return next(row for row in self.found(client, case).rows if (row.route, row.label) == (way, label))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check_of(LIBRARIES, CASES, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def in_chromium(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return check_of(["chromium"], IN_CHROMIUM, tmp_path_factory.mktemp("out"))


def check_of(clients: Sequence[str], cases: Sequence[str], out: Path) -> Checked:
    need("trustme")
    words = ("--clients", ",".join(clients), "--cases", ",".join(cases), "--runtime", "local")
    done = lab("check", *words, "--out", out, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    return Checked(only_run(out), done.stdout)


def test_each_client_is_tried_in_each_case(checked: Checked) -> None:
    all_is_tried(checked, LIBRARIES, CASES)


@pytest.mark.chromium
def test_chromium_is_tried_in_each_case(in_chromium: Checked) -> None:
    all_is_tried(in_chromium, ["chromium"], IN_CHROMIUM)


def all_is_tried(checked: Checked, clients: Sequence[str], cases: Sequence[str]) -> None:
    assert set(checked.findings) == {(client, case) for client in clients for case in cases}
    assert checked.run.of_clients and checked.run.checks == list(cases)
    for client, version in checked.run.versions.items():
        assert client in clients and all(version.values())
    gone = {row.deployment: row.text for row in checked.rows if row.verdict is Verdict.UNAVAILABLE}
    for why in gone.values():
        leave_out(NEED, why)
    assert set(checked.run.versions) == set(clients)
    tried = {(row.deployment, row.case, row.label, row.route) for row in checked.rows if row.route}
    assert tried == {
        (client, case, attempt.label, way)
        for client in clients for case in cases
        for attempt in CLIENT_CASES[case].attempts() for way in ways_for(client, attempt)
    }  # fmt: skip


@pytest.mark.chromium
def test_where_nothing_is_in_the_way_all_arrives_from_chromium(in_chromium: Checked) -> None:
    test_where_nothing_is_in_the_way_all_arrives(in_chromium, "chromium")


@pytest.mark.parametrize("client", LIBRARIES)
def test_where_nothing_is_in_the_way_all_arrives(checked: Checked, client: str) -> None:
    for case in ("takes-all", "file-empty"):
        finding = checked.found(client, case)
        assert finding.verdict is Verdict.PASS, finding.worst
        assert {row.http_status for row in finding.worst} == {201}


def test_losses_that_are_known_are_found(checked: Checked) -> None:
    assert checked.worst("requests", "login", "chunked", "after the body").code == "lost-all"
    assert checked.worst("requests", "redirect-303", "stream", "301").verdict is Verdict.LOSS
    assert checked.worst("urllib3", "redirect-307", "chunked", "307").code == "lost-all"
    assert checked.worst("requests", "early-200", "stream", "closes").code == "lost-part"
    assert checked.worst("aiohttp", "early-200", "stream", "reads on").code == "lost-part"
    # aio-libs/aiohttp#13330 is fixed: its retry sends the file from its start.
    assert checked.worst("aiohttp", "closes-kept", "stream", "after 64 KiB").stored_bytes == 600_001


def test_what_is_no_loss_is_none(checked: Checked) -> None:
    assert checked.worst("http-client", "redirect-307", "stream", "307").verdict is Verdict.PASS
    assert checked.worst("aiohttp", "redirect-303", "stream", "303").verdict is Verdict.DOCUMENTED
    assert checked.worst("urllib3", "login", "stream", "after the body").verdict is Verdict.CANNOT
    assert checked.worst("httpx-async", "file-async", "chunked").verdict is Verdict.PASS


def test_clients_that_wait_for_ever_are_ended(checked: Checked) -> None:
    row = checked.worst("http-client", "early-413-open", "stream")
    assert (row.verdict, row.http_status) == (Verdict.ENDLESS, None)
    assert (row.seconds or 0) > 20
    assert checked.found("curl", "early-413-open").verdict is Verdict.PASS


def test_a_reason_that_is_lost_is_a_failure(checked: Checked) -> None:
    row = checked.worst("http-client", "early-413-tls", "stream", "closes")
    assert (row.verdict, row.code) == (Verdict.FAIL, "reason-lost")
    assert "413 the file is larger than this server takes" in row.text
    # Where a library raised is no business of a stored run.
    assert not [row for row in checked.rows if " File " in row.text or "Traceback" in row.text]


def test_other_names_and_more_bytes_are_failures(checked: Checked) -> None:
    assert checked.worst("aiohttp", "file-name", "form", "quotes").code == "other-name"
    assert checked.worst("requests", "file-grows", "stream").code == "broken-body"
    assert checked.worst("httpx", "file-grows", "stream").verdict is Verdict.PASS


def test_the_answer_fits_a_terminal_and_names_the_clients(checked: Checked) -> None:
    lines = checked.said.splitlines()
    assert len(lines) <= 25 and max(map(len, lines)) <= 110
    assert "report success for files that the server does not have" in lines[0]
    text = " ".join(checked.said.split())
    for words in ("Lost", "Endless", "Reason", "--reproduce"):
        assert words in text
    report = (checked.folder.path / "report.html").read_text()
    assert "What do clients believe?" in report and "early-413-open" in report


def test_a_run_without_its_run_file_is_shown_too(checked: Checked) -> None:
    targets = [Target(name, "", UNKNOWN) for name in LIBRARIES]
    run = msgspec.structs.replace(checked.run, targets=targets)
    (table,), _ = grids(run, checked.rows)
    assert {line.cells[0] for line in table.rows} == set(CASES)
    assert check_statements(run, checked.rows)


SHOWN = (
    ("requests", "login", "201", "0 bytes, not all"),
    ("urllib3", "redirect-307", "201", "0 bytes, not all"),
    ("httpx", "early-200", "200", "65536 bytes, not all"),
    ("node", "early-200", "200", "not all"),
    ("aiohttp", "early-200", "200", "not all"),
    ("http-client", "early-413-open", "nothing: it has not ended", "65536 bytes, not all"),
)


@pytest.mark.parametrize(("client", "case", "believes", "has"), SHOWN)
def test_a_script_shows_the_same_with_the_library_alone(
    checked: Checked, tmp_path: Path, client: str, case: str, believes: str, has: str
) -> None:
    assert checked.found(client, case).verdict not in GOOD
    done = lab("show", checked.folder.path, f"{client}/{case}", "--reproduce")
    assert done.returncode == 0, done.stderr
    script = tmp_path / "reproduce.py"
    assert "SECONDS = 20 " in done.stdout
    script.write_text(done.stdout.replace("SECONDS = 20 ", "SECONDS = 5 "))
    own = {**os.environ, "PYTHONPATH": str(client_environment(client))}
    command = [sys.executable, "-S", "-P", str(script)]
    ended = subprocess.run(command, env=own, cwd=tmp_path, capture_output=True, text=True, check=False)
    first, *others = ended.stdout.splitlines() or [ended.stderr]
    assert first.startswith(f"The client believes: {believes}"), ended.stdout + ended.stderr
    assert has in others[-1]


def test_a_cell_that_did_not_fail_has_no_script(checked: Checked) -> None:
    for cell, why in {
        "requests/takes-all": "did not fail (pass)",
        "requests.form/login": "did not fail",
        "requests.forms/login": "way",
        "nobody/login": "client",
    }.items():
        done = lab("show", checked.folder.path, cell, "--reproduce")
        assert done.returncode != 0 and why in done.stderr, done.stderr
    shown = lab("show", checked.folder.path, "requests/login").stdout
    assert "silent loss: chunked (after the body) 201, but" in shown and "--reproduce" in shown


def test_clients_and_servers_are_not_checked_together(tmp_path: Path) -> None:
    for words in (["--deployments", "gunicorn"], ["--cases", "chunked"], ["--clients", "request"]):
        done = lab("check", "--clients", *words, "--runtime", "local", "--out", tmp_path)
        assert done.returncode == 2 and not list(tmp_path.iterdir()), done.stderr
    assert "did you mean 'requests'" in lab("check", "--clients=request", "--out", tmp_path).stderr


def test_a_client_of_resumable_uploads_alone_is_not_checked() -> None:
    with pytest.raises(UsageError, match="tuspy sends only resumable uploads, which no case tests"):
        draft(Order(kind=Kind.CHECK, clients=["requests", "tuspy"]))
    assert "tuspy" not in [target.name for target in draft(Order(kind=Kind.CHECK, clients=["*"])).targets]
