"""What Locust's master and its web page may not decide for a worker: its file, its targets, its folders."""

import socket
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import requests
from uploadlab.errors import UsageError
from uploadlab.load.sealed_lines import KEY, line_of, sealed
from uploadlab.runtimes.local import free_ports

from .fake_server import FakeServer, serve
from .helpers import LOCUST, environment, wait_until
from .hostile_server import BAD, harmful
from .rogue import RogueMaster, rogue_master, rogue_worker

pytestmark = pytest.mark.slow

SECRET = b"SECRET-" * 100
TAKEN = (201, {"id": "x", "size_bytes": 1024})


@pytest.fixture
def private(tmp_path: Path) -> str:
    """A file that nobody named to the worker."""
    (tmp_path / "private").write_bytes(SECRET)
    return str(tmp_path / "private")


@pytest.fixture
def evil() -> Iterator[FakeServer]:
    with serve(POST=TAKEN) as fake:
        yield fake


@pytest.fixture
def good() -> Iterator[FakeServer]:
    """The worker's own target."""
    with serve(POST=TAKEN) as fake:
        yield fake


def test_a_master_has_no_private_file_sent_and_nothing_sent_elsewhere(
    tmp_path: Path, private: str, good: FakeServer, evil: FakeServer
) -> None:
    with rogue_master(tmp_path, "--host", good.url) as master:
        master.heard("client_ready")
        # All at once: the greeting leaves the worker no time to prepare.
        master.say("ack", {"index": 0})
        master.spawn(evil.url, file=private)
        assert evil.url in master.refusal()
        master.say("update_user_class", {"user_class_name": "FullSpeed", "host": evil.url, "tasks": []})
        master.spawn(good.url, file=private, rows=str(tmp_path / "rows"), csv_prefix=str(tmp_path / "csv"))
        wait_until(lambda: any(request.startswith("PUT") for request in good.requests))
        master.spawn(evil.url, file=private)
        wait_until(lambda: good.requests.count("PUT /request-stream") > 20)
        master.say("quit")
        said, _ = master.worker.communicate(timeout=300)
    assert evil.requests == []
    assert all(SECRET not in body for body in good.bodies)
    assert {len(body) for body in good.bodies if body} == {1024}
    assert not (tmp_path / "rows").exists()
    assert "--file is ignored: give --file to this worker itself" in said
    assert f"a worker refuses {evil.url}: start that worker with --host {evil.url}" in said
    assert "change a kind of user, which is ignored" in said


def test_a_worker_sends_its_own_file_to_its_own_targets(
    tmp_path: Path, private: str, evil: FakeServer
) -> None:
    (tmp_path / "mine").write_bytes(b"mine" * 256)
    words = ("--file", str(tmp_path / "mine"), "--allow-host", f"http://127.0.0.1:1,{evil.url}")
    with rogue_master(tmp_path, *words) as master:
        master.heard("client_ready")
        master.say("ack", {"index": 0})
        master.spawn(evil.url, file=private)
        wait_until(lambda: any(evil.bodies))
        assert b"mine" * 256 in evil.bodies


JOBS: list[dict[str, Any]] = [
    {"host": None}, {"host": "file:///etc/passwd"}, {"host": 7}, {"host": "http://*:8000"}, {"host": ""},
    {"users": {"FullSpeed": 10**9}}, {"users": [1]}, {"users": {"FullSpeed": "many"}},
    {"size": "1000000GiB"}, {"size": 5}, {"methods": "rm"}, {"methods": ["a"]}, {"budget": float("nan")},
    {"field": "a\r\nX: y"}, {"pace": None}, {"expect_status": 7}, {"seconds": True}, {"unverified": "-1"},
]  # fmt: skip


def test_a_job_that_makes_no_sense_is_refused(tmp_path: Path, good: FakeServer) -> None:
    with rogue_master(tmp_path, "--host", good.url) as master:
        master.heard("client_ready")
        master.say("ack", {"index": 0})
        for job in JOBS:
            step = str(JOBS.index(job))
            master.spawn(**{"host": good.url, "step": step, **job})
            assert refused_step(master, step), job
        master.say("spawn", "rubbish")
        master.say("spawn", {})
        master.spawn(good.url)
        wait_until(lambda: any(request.startswith("PUT") for request in good.requests))
        assert master.worker.poll() is None


def refused_step(master: RogueMaster, step: str) -> bool:
    while (report := master.heard("stats")["uploads"])["step_id"] != step:
        pass
    return bool(report["refusal"])


def test_a_worker_connects_to_a_line_only_under_its_labs_seal(
    tmp_path: Path, good: FakeServer, evil: FakeServer
) -> None:
    key, line = "of this lab", evil.url.partition("//")[2]  # at the far end of which is the worker's target
    seal = sealed(line, "right", good.url, key)
    with rogue_master(tmp_path, "--host", good.url, "--allow-host", evil.url, **{KEY: key}) as master:
        master.heard("client_ready")
        master.say("ack", {"index": 0})
        for number, (words, host) in enumerate(
            [(line, good.url), (seal.replace(line, "127.0.0.1:1"), good.url), (f"{line}/", good.url),
             (sealed(line, "right", good.url, ""), good.url), (seal, good.url), (seal, evil.url)]
        ):  # fmt: skip
            master.spawn(host, step=str(number), line=words)
            assert refused_step(master, str(number)), words
        master.spawn(evil.url, step="right", line=seal)
        assert refused_step(master, "right")
        assert good.requests == evil.requests == []
        master.spawn(good.url, step="right", line=seal)
        wait_until(lambda: any(evil.bodies))
        assert good.requests == []


def test_without_a_key_no_line_is_taken() -> None:
    words = sealed("127.0.0.1:1", "s", "http://a:1", "")  # as anyone can seal it
    with pytest.raises(UsageError, match="leave out --line"):
        line_of(Namespace(line=words, step="s"), "http://a:1")


@pytest.mark.parametrize(
    ("allowed", "host", "is_allowed"),
    [
        ("http://*:8000", "http://flask:8000", True),
        ("http://*:8000", "http://flask:8000/", True),
        ("http://*:8000", "http://flask:8001", False),
        ("http://*:8000", "https://flask:8000", False),
        ("http://*:8000", "http://a@flask:8000", False),
        ("http://*:8000", "http://flask:8000/upload", False),
        ("http://a:1/up", "http://a:1/up", True),
        ("http://a:1/up", "http://a:1/upload", False),
        ("", "http://a:1", False),
    ],
)
def test_which_targets_a_worker_takes(allowed: str, host: str, is_allowed: bool) -> None:
    script = (
        "import sys; from argparse import Namespace; from uploadlab.load.own_terms import OwnTerms\n"
        "terms = OwnTerms(); terms.take(Namespace(file='', rows='', host=None, allow_host=sys.argv[1]))\n"
        "sys.exit(not terms.allows(sys.argv[2]))"
    )  # in a process of its own: Locust changes modules that these tests use
    command = [sys.executable, "-c", script, allowed, host]
    done = subprocess.run(command, env=environment(), check=False, timeout=300)
    assert done.returncode == int(not is_allowed)


REPORT: dict[str, Any] = {
    "step_id": "",
    "sent": {},
    "done": 0,
    "slow_done": 0,
    "cpu_seconds": 0.0,
    "peak_rss_bytes": None,
    "uploads": [],
}
ROW: dict[str, Any] = {
    "step_id": "", "user": BAD, "slow": False, "method": "request.stream", "size_bytes": 7, "started_at": 1.0,
    "seconds": 1.0, "status": "refused", "sent_bytes": 7, "error": BAD,
}  # fmt: skip
ENTRY: dict[str, Any] = {
    "stats": [],
    "stats_total": None,
    "errors": {},
    "user_classes_count": {},
    "user_count": 0,
}
RUBBISH: list[Any] = [
    None, 7, {}, {"uploads": None}, {**ENTRY, "uploads": {}}, {**ENTRY, "uploads": {**REPORT, "done": -5}},
    {**ENTRY, "uploads": {**REPORT, "sent": {BAD: {"sent_bytes": 1}}}},
    {**ENTRY, "uploads": {**REPORT, "uploads": [{**ROW, "status": "splendid"}]}},
    {**ENTRY, "uploads": {**REPORT, "uploads": [{**ROW, "seconds": -1.0}, {**ROW, "method": "x"}]}},
]  # fmt: skip


FRAMES = [
    [b""], [b"\xc1"], [b"\x91" * 5000], [b"\x93\xa1a"], [b"a", b"b"], [b"\x81\xac__datetime__\xc3"],
    [b"\xff" * 9],
    [msgpack.dumps([1])], [msgpack.dumps(["stats", {}, "x", "y"])], [msgpack.dumps({"__ObjectId__": 1})],
    [b"\x93\xa5stats\xa1\xff\xa1x"],
]  # fmt: skip
"""Bytes that are no message of Locust's."""
FIGURES: list[tuple[str, Any]] = [
    ("spawning_complete", {"user_classes_count": 7}),
    ("spawning_complete", {"user_classes_count": {"A": BAD}}),
    ("stats", {**ENTRY, "user_count": BAD, "uploads": REPORT}), ("stats", {**ENTRY, "user_count": -(10**9)}),
    ("stats", {**ENTRY, "user_classes_count": [BAD], "uploads": REPORT}),
    ("heartbeat", {"state": "ready", "current_cpu_usage": BAD}), ("heartbeat", [BAD]),
]  # fmt: skip


def test_a_master_survives_a_worker_and_prints_its_words_as_text(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = [*LOCUST, "--master", "--master-bind-port", str(port), "--expect-workers", "1", "--headless"]
    options = ["--host", "http://127.0.0.1:1", "--run-time", "5", "--rows", str(tmp_path / "r")]
    process = subprocess.Popen(
        [*command, *options], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(process.stdout or []))
    reader.start()
    try:
        with rogue_worker(port) as worker:
            for frames in FRAMES:
                worker.channel.send_multipart(frames)
            for kind, figures in FIGURES:
                worker.say(kind, figures)
            for message in RUBBISH:
                worker.say("stats", message)
            worker.say("stats", {**ENTRY, "uploads": {**REPORT, "uploads": [ROW]}})
            worker.say("stats", {**ENTRY, "uploads": {**REPORT, "uploads": [ROW]}}, name="somebody_else")
            worker.say("exception", {"msg": BAD, "traceback": BAD})
            worker.say("heartbeat", {"state": BAD})
            worker.say(BAD, BAD)
            worker.say("locustfile", {})
            wait_until(lambda: (tmp_path / "r/load/uploads.jsonl").exists())
            process.terminate()
            process.wait(300)
    finally:
        process.kill()
        reader.join()
    assert harmful("".join(said)) == []
    assert "makes no sense and is ignored" in "".join(said)
    rows = (tmp_path / "r/load/uploads.jsonl").read_text()
    assert rows.count("\n") == 1
    assert harmful(rows) == []


@pytest.fixture
def page(tmp_path: Path, good: FakeServer) -> Iterator[str]:
    """Locust's page, without a test."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [*LOCUST, "--host", good.url, "--web-port", str(port), "--rows", str(tmp_path / "r")],
        env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: is_open("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(300)


def is_open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


FOREIGN = [
    ({"Origin": "http://evil.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": "null"}, 403),
    ({"Host": "evil.example:8089"}, 421), ({"Host": "[bad"}, 421),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "status"), FOREIGN)
def test_no_other_sites_page_starts_uploads(
    page: str, good: FakeServer, evil: FakeServer, headers: dict[str, str], status: int
) -> None:
    form = {"user_count": "1", "spawn_rate": "1", "host": evil.url}
    answer = requests.post(f"{page}/swarm", data=form, headers=headers, timeout=60)
    assert answer.status_code == status
    assert requests.get(f"{page}/stats/requests", headers=headers, timeout=60).status_code == status
    assert requests.get(page, timeout=60).status_code == 200
    assert good.requests == evil.requests == []


def test_the_page_sends_no_file_that_the_command_line_does_not_name(
    page: str, good: FakeServer, private: str, tmp_path: Path
) -> None:
    rows = str(tmp_path / "elsewhere")
    form = {
        "user_count": "1",
        "spawn_rate": "1",
        "host": good.url,
        "file": private,
        "rows": rows,
        "size": "1KiB",
    }
    assert requests.post(f"{page}/swarm", data=form, timeout=60).json()["success"]
    wait_until(lambda: any(good.bodies))
    assert {len(body) for body in good.bodies if body} == {1024}
    assert not (tmp_path / "elsewhere").exists()


def test_locust_listens_on_loopback_by_default(page: str) -> None:
    port = int(page.rpartition(":")[2])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split()[1] for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert [address for address in listening if address.endswith(f":{port:04X}")][:1] == [
        f"0100007F:{port:04X}"
    ]
