"""Locust by hand, with the lab's users: what they send, what their rows say, how much memory they take."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.catalogue.payloads import write_payload
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.runtimes.local import free_ports
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .fake_server import serve
from .helpers import DEPLOYMENTS, LOCUST, environment, wait_until
from .holding_server import hold_uploads
from .locust_runs import Done, for_long_enough
from .running import Lab

pytestmark = pytest.mark.slow

CLOSED = re.compile(
    r"Traceback(?:(?!Traceback).)*in stats_writer\n.*?I/O operation on closed file", re.DOTALL
)
"""Locust's own: at its end its writer of CSV files may find them closed."""


Rows = list[LoadUpload]


def locust(
    url: str, *words: str, seconds: float = 1, folder: Path, enough: Callable[[Rows], bool] = bool
) -> Rows:
    """The rows of a headless test by hand; one that has too few after so long is done again, for longer."""
    found: Rows = []

    def has_enough(done: Done) -> bool:
        assert "Traceback" not in CLOSED.sub("", done.stderr), done.stderr
        found[:] = RunFolder(folder).read_uploads()
        if not enough(found):
            shutil.rmtree(folder, ignore_errors=True)
        return bool(enough(found))

    where = environment(TMPDIR=str(folder.parent))
    for_long_enough(["--host", url, "--rows", str(folder), *words], seconds, where, has_enough)
    return found


BY_EITHER = ("--users", "2", "--spawn-rate", "2", "FullSpeed", "WithRequests")
"""A user of each kind: both kinds are worth a test, and one Locust has both."""


def by_either(rows: Rows) -> bool:
    """Whether the user of each kind has uploaded."""
    return len({row.user for row in rows}) == 2


@pytest.fixture
def flask(lab: Lab) -> str:
    for name in DEPLOYMENTS["flask"].next:
        lab.target(DEPLOYMENTS[name])
    return lab.target(DEPLOYMENTS["flask"]).url


@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
def test_every_method_arrives_whole_by_either_client(flask: str, tmp_path: Path, kind: str) -> None:
    names = ",".join(name for name in OWN_METHODS if "lines" not in name)
    words = ("--methods", names, "--size", "100KiB", "--users", "4", kind)

    def all_methods(rows: Rows) -> bool:
        return {row.method for row in rows} == set(names.split(","))

    rows = locust(flask, *words, seconds=2, folder=tmp_path / "r", enough=all_methods)
    assert all_methods(rows)
    assert {(row.status, row.digest_ok) for row in rows} == {(Status.OK, True)}


def test_a_body_that_a_server_loses_is_wrong(lab: Lab, tmp_path: Path) -> None:
    url = lab.target(DEPLOYMENTS["uwsgi-default"]).url
    words = ("--methods", "request.stream-chunked", "--size", "100KiB")
    rows = locust(url, *words, folder=tmp_path / "r")
    assert {(row.status, row.error) for row in rows} == {(Status.WRONG, "0 of 102400 bytes")}


@pytest.mark.parametrize(
    ("answers", "status", "error"),
    [
        ({"POST": (413, {"error": "too large"})}, Status.REFUSED, "too large"),
        ({"POST": (200, {"id": "x", "size_bytes": 1024})}, Status.REFUSED, "answered 200 OK, expected 201"),
        ({"POST": (201, {"id": "x", "size_bytes": 7})}, Status.WRONG, "7 of 1024 bytes"),
        (
            {
                "POST": (201, {"id": "x", "size_bytes": 1024}),
                "GET": (200, {"size_bytes": 1024, "digest": "0"}),
            },
            Status.WRONG,
            "right size, other bytes",
        ),
    ],
)
def test_what_a_server_answers_is_what_a_row_says(
    tmp_path: Path, answers: dict[str, Any], status: Status, error: str
) -> None:
    with serve(**answers) as fake:
        rows = locust(fake.url, "--size", "1KiB", *BY_EITHER, folder=tmp_path / "r", enough=by_either)
    assert by_either(rows)
    assert {(row.status, row.error) for row in rows} == {(status, error)}


def test_an_upload_over_its_budget_is_a_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        words = ("--size", "1KiB", "--budget", "0.4", *BY_EITHER)
        rows = locust(url, *words, folder=tmp_path / "r", enough=by_either)
    assert by_either(rows)
    assert {(row.status, row.error) for row in rows} == {(Status.TIMEOUT, "over 0.4 s")}
    assert all(row.seconds > 0.3 for row in rows)


def test_nobody_there_is_a_failed_upload_and_not_a_storm(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    rows = locust(url, "--size", "1KiB", folder=tmp_path / "r", enough=lambda rows: len(rows) > 2)
    assert {row.status for row in rows} == {Status.FAILED}
    assert "refused" in str(rows[0].error)
    assert all(after.started_at - before.started_at > 0.09 for before, after in pairwise(rows))


def test_paced_users_are_slow_and_the_others_are_not(flask: str, tmp_path: Path) -> None:
    words = ("--users", "3", "--spawn-rate", "3", "--slow-users", "2", "--pace", "1MB/s", "--size", "2MB")
    least = 1.4  # seconds of 2 MB at that pace

    def users(rows: Rows, slow: bool) -> set[str]:
        """The slow ones who have finished something, or the others who did so in less time than they may."""
        return {row.user for row in rows if row.slow == slow and (slow or row.seconds < least)}

    def all_finished(rows: Rows) -> bool:
        return (len(users(rows, slow=True)), len(users(rows, slow=False))) == (2, 1)

    rows = locust(flask, *words, seconds=4, folder=tmp_path / "r", enough=all_finished)
    assert all_finished(rows)
    assert all(row.seconds > least for row in rows if row.slow), rows
    assert {(row.status, row.digest_ok) for row in rows} == {(Status.OK, True)}


@pytest.mark.parametrize("method", ["request.stream", "request.stream-chunked", "request.files-streamed"])
@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
def test_sixty_four_users_of_256_mib_stay_small(tmp_path: Path, method: str, kind: str) -> None:
    with hold_uploads() as server:
        words = ["--host", server.url, "--methods", method, "--size", "256MiB", "--rows", str(tmp_path)]
        process = subprocess.Popen(
            [*LOCUST, "--headless", "--users", "64", "--spawn-rate", "64", *words, kind],
            env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: len(server.held) >= 64)
            time.sleep(0.5)
            assert _status(process.pid, "VmHWM") < 300_000
        finally:
            process.kill()
            process.wait()


def _status(pid: int, name: str) -> int:
    """In kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def test_rows_of_several_processes_come_together(flask: str, tmp_path: Path) -> None:
    words = ("--size", "1MiB", "--users", "4", "--spawn-rate", "4", "--processes", "2")

    def counted(rows: Rows) -> bool:
        """Whether Locust's own count is about the same."""
        stats = [line.split(",") for line in (tmp_path / "out_stats.csv").read_text().splitlines()]
        return int(stats[-1][2]) == pytest.approx(len(rows), rel=0.2)

    rows = locust(
        flask, *words, "--csv", str(tmp_path / "out"), seconds=3, folder=tmp_path / "r", enough=counted
    )
    assert {row.user.partition("/")[0] for row in rows} == {"0", "1"}
    assert {(row.status, row.digest_ok) for row in rows} == {(Status.OK, True)}
    assert counted(rows)


def test_sent_bytes_are_in_locusts_statistics_and_files(flask: str, tmp_path: Path) -> None:
    prefix = tmp_path / "out"

    def sent_mb() -> float:
        lines = (tmp_path / "out_throughput.csv").read_text().splitlines()
        assert lines[0] == "Timestamp,User Count,Name,Sent MB,MB/s,Goodput MB/s"
        return [float(line.split(",")[3]) for line in lines[1:] if "Aggregated" in line][-1]

    def counted(rows: Rows) -> bool:
        sent = sum(row.sent_bytes for row in rows) / 1e6
        return bool(rows) and sent_mb() == pytest.approx(sent, rel=0.05)

    rows = locust(
        flask, "--size", "1MiB", "--csv", str(prefix), seconds=3, folder=tmp_path / "r", enough=counted
    )
    header, first, *_ = [line.split(",") for line in (tmp_path / "out_stats.csv").read_text().splitlines()]
    entry = dict(zip(header, first, strict=True))
    assert (entry["Name"], float(entry["Average Content Size"])) == ("request.stream", MIB)
    assert counted(rows)


def test_locusts_page_shows_the_throughput(flask: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [*LOCUST, "--host", flask, "--web-host", "127.0.0.1", "--web-port", str(port), "--autostart",
         "--users", "2", "--size", "1MiB", "--rows", str(tmp_path / "r")],
        env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    page = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: len(_get(f"{page}/throughput.csv").splitlines()) > 4)
        stats = json.loads(_get(f"{page}/stats/requests"))
        (tab,) = stats["extended_stats"]
        assert tab["key"] == "throughput"
        assert float(tab["data"][0]["rate"]) > 0
        assert tab["data"][0]["name"] == "request.stream"
        assert "<polyline" in _get(f"{page}/throughput")
        assert '"key": "throughput"' in _get(page).replace('":"', '": "')
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(300)


def _get(url: str) -> str:
    done = subprocess.run(["curl", "-s", url], capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--methods", "request.strem"], "did you mean 'request.stream'"),
        (["--size", "big"], "size 'big'"),
        (["--pace", "quick"], "rate 'quick'"),
        (["--file", "/nowhere"], "the file does not exist"),
        (["--slow-users", "-1"], "--slow-users must be above 0"),
        (["--expect-status", "99999"], "99999 is not an HTTP status"),
        (["--host", ""], "--host is missing"),
    ],
)
def test_locust_by_hand_says_what_is_wrong(words: list[str], reason: str) -> None:
    done = subprocess.run(
        [*LOCUST, "--headless", "--host", "http://127.0.0.1:1", *words],
        env=environment(), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_file_of_the_users_own_is_sent(flask: str, tmp_path: Path) -> None:
    payload = write_payload(tmp_path / "mine", 123_456)
    rows = locust(flask, "--file", payload.path, folder=tmp_path / "r")
    assert {(row.size_bytes, row.digest_ok) for row in rows} == {(123_456, True)}
