"""Nothing partial, nothing lost: real servers killed and reloaded in mid-upload, and left without space."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from uploadlab.catalogue.methods import METHODS, Part, methods_at
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.declared.compose import load_needs
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.paths import COMPOSE
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch, free_ports
from uploadlab.sending.client import Client
from uploadlab.sending.connections import session
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS, RAW_ROUTES, need, open_files, wait_until
from .small_disk import fill, small_disk

pytestmark = pytest.mark.slow

SENT = 3 * MIB
"""Of an upload that is cut short; more than any server keeps to itself."""
ANNOUNCED = 8 * MIB
BUFFERED = {"uwsgi-buffering", "nginx-uwsgi"}
"""Servers that take the whole body before the app sees it, into a file without a name, gone with them."""
TUNED = [name for name, one in DEPLOYMENTS.items() if one.tier == "tuned"]
RELOADING = [
    name for name, one in DEPLOYMENTS.items() if one.services[-1].command[0] in ("uwsgi", "gunicorn")
]
"""Their master takes SIGHUP for: finish what is in work, and start anew."""


class Site(NamedTuple):
    """One deployment, and where it keeps its files."""

    name: str
    runtime: LocalRuntime
    client: Client
    data: Path
    port: int

    def start(self) -> Target:
        target = self.runtime.start_one(DEPLOYMENTS[self.name], self.port)
        _, why = self.client.wait_healthy(target, 120, lambda: self.runtime.explain(self.name))
        assert why == ""
        return target

    def stored(self) -> list[Path]:
        """What lies under a final name."""
        return [path for path in self.data.iterdir() if path.is_file()]

    def temporary(self) -> list[Path]:
        return [path for path in (self.data / "tmp").rglob("*") if path.is_file()]

    def log(self) -> str:
        """What its app's server has said."""
        log_dir = self.runtime._log_dir
        assert log_dir
        return (log_dir / f"{DEPLOYMENTS[self.name].services[-1].name}.log").read_text()

    def kill(self) -> None:
        """All of its processes at once; behind nginx the app first, or it would see nginx go and clear up."""
        for _, process in reversed(self.runtime._started[self.name]):
            os.killpg(process.pid, signal.SIGKILL)
        self.runtime.stop()


@contextmanager
def site(name: str, folder: Path, data: Path | None = None) -> Iterator[Site]:
    need(*DEPLOYMENTS[name].needs)
    with Processes() as processes:
        scratch = Scratch.make(processes, data or folder / "data", "run")
        runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        yield Site(name, runtime, Client(processes), scratch.data_dir / name, free_ports(1)[0])


@contextmanager
def half_sent(target: Target, route: str = "/request-stream") -> Iterator[socket.socket]:
    """An upload in the middle of its body."""
    with socket.create_connection(
        ("127.0.0.1", int(target.url.rpartition(":")[2])), timeout=60
    ) as connection:
        head = f"PUT {route} HTTP/1.1\r\nHost: x\r\nContent-Length: {ANNOUNCED}\r\n\r\n"
        connection.sendall(head.encode() + b"x" * SENT)
        yield connection


RELOADED = re.compile(r"[Gg]racefully|Handling signal: hup")
"""What the master of uWSGI, and of gunicorn, logs when it has heard SIGHUP."""


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for the signal."""
    (mask,) = re.findall(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


def writer(site: Site) -> int:
    """The process that writes the unfinished upload."""
    found: list[set[int]] = []
    wait_until(lambda: found.append(writers(site)) or bool(found[-1]))  # type: ignore[func-returns-value]
    (pid,) = found[-1]
    return pid


def writers(site: Site) -> set[int]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        for file in open_files(process.name):
            if site.data / "tmp" in Path(file).parents and "(deleted)" not in file:
                found.add(int(process.name))
    return found


def upload(target: Target, content: bytes) -> str:
    answer = requests.put(f"{target.url}/request-stream", data=content, timeout=60)
    assert answer.status_code == 201
    return answer.headers["Location"].rpartition("/")[2]


def assert_kept(target: Target, upload_id: str, content: bytes) -> None:
    stored = requests.get(f"{target.url}/uploads/{upload_id}", timeout=60).json()
    assert stored["size_bytes"] == len(content)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_service_killed_in_mid_upload_keeps_what_it_acknowledged_and_sweeps_the_rest(
    tmp_path: Path, name: str
) -> None:
    with site(name, tmp_path) as one:
        target = one.start()
        kept = upload(target, b"acknowledged")
        (one.data.parent / "another" / "tmp").mkdir(parents=True)
        others = one.data.parent / "another" / "tmp" / f"{'0' * 32}.part"
        others.write_bytes(b"not mine")
        with half_sent(target):
            if name not in BUFFERED:
                wait_until(lambda: bool(one.temporary()))
            one.kill()
        assert [path.name for path in one.stored()] == [kept]
        # Where the file should have no name, the kill may have come before its name was removed.
        assert one.temporary() or name in BUFFERED
        assert_kept(one.start(), kept, b"acknowledged")
        assert [path.name for path in one.stored()] == [kept]
        assert one.temporary() == []
        assert others.read_bytes() == b"not mine"


@pytest.mark.parametrize(("name", "route"), [cell for cell in RAW_ROUTES if cell[0] not in BUFFERED])
def test_a_worker_killed_in_mid_upload_leaves_nothing_under_a_final_name(
    tmp_path: Path, name: str, route: str
) -> None:
    with site(name, tmp_path) as one:
        target = one.start()
        kept = upload(target, b"acknowledged")
        with half_sent(target, route) as connection:
            os.kill(writer(one), signal.SIGKILL)
            with suppress(ConnectionError):
                assert b" 201 " not in connection.recv(1 << 16)
        wait_until(lambda: not writers(one))
        assert [path.name for path in one.stored()] == [kept]
        one.kill()
        assert_kept(one.start(), kept, b"acknowledged")
        assert one.temporary() == []


@pytest.mark.parametrize("name", RELOADING)
def test_a_master_reloaded_in_mid_upload_loses_nothing_in_silence(tmp_path: Path, name: str) -> None:
    with site(name, tmp_path) as one:
        target = one.start()
        kept = upload(target, b"acknowledged")
        with half_sent(target) as connection:
            if name not in BUFFERED:
                writer(one)
            _, master = one.runtime._started[name][-1]
            # The workers of uWSGI take uploads before its master, which ignores this signal until then.
            wait_until(lambda: catches(master.pid, signal.SIGHUP))
            os.kill(master.pid, signal.SIGHUP)
            wait_until(lambda: bool(RELOADED.search(one.log())))
            answer = b""
            with suppress(OSError):  # it may be cut off; then it was not acknowledged
                connection.sendall(b"x" * (ANNOUNCED - SENT))
                answer = connection.recv(1 << 16)
        _, why = one.client.wait_healthy(target, 120, lambda: "")
        assert why == ""
        assert one.client.wait_idle(target.url, 120)
        done = [path for path in one.stored() if path.name != kept]
        assert [path.stat().st_size for path in done] == ([ANNOUNCED] if b" 201 " in answer else [])
        assert one.temporary() == []
        assert_kept(target, kept, b"acknowledged")


@pytest.mark.parametrize("name", ["gunicorn-gthread"])
def test_a_client_killed_in_mid_upload_leaves_nothing(tmp_path: Path, name: str) -> None:
    """As one that closes its connection, which test_contract.py does at every deployment."""
    with site(name, tmp_path) as one:
        target = one.start()
        code = (
            "import sys, time, requests\n"
            "def body():\n    yield b'x' * 3_000_000\n    print('sent', flush=True)\n    time.sleep(60)\n"
            "requests.put(sys.argv[1] + '/request-stream', data=body())"
        )
        sender = subprocess.Popen([sys.executable, "-c", code, target.url], stdout=subprocess.PIPE)
        assert sender.stdout and sender.stdout.readline()
        sender.kill()
        sender.wait()
        sender.stdout.close()
        wait_until(lambda: not one.temporary())
        assert one.client.wait_idle(target.url, 120)
        assert one.stored() == []


DISK = 12 * MIB
TOO_MUCH = 16 * MIB
# uWSGI itself cannot write its spool, and hangs up without an answer.
NO_ANSWER = {"uwsgi-buffering"}


@pytest.fixture(scope="module")
def too_large(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    return write_payload(tmp_path_factory.mktemp("payload") / "a", TOO_MUCH)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_full_disk_is_a_507_whatever_fills_it_and_nothing_partial_stays(
    tmp_path: Path, too_large: Payload, name: str
) -> None:
    tuned = DEPLOYMENTS[name].tier == "tuned"
    with small_disk(tmp_path / "disk", DISK) as disk, site(name, tmp_path, disk) as one:
        target = one.start()
        for method in methods_at(DEPLOYMENTS[name]):
            if METHODS[method].slow or METHODS[method].hops:  # another disk
                continue
            outcome = one.client.measure(target.url, method, too_large, 60)
            lost = method == "request.stream-chunked" and not tuned and outcome.stored_bytes == 0
            assert outcome.status in (Status.REFUSED, Status.FAILED) or lost, (method, outcome)
            if tuned and (name not in NO_ANSWER or outcome.http_status):
                assert outcome.http_status == 507, method
                # nginx says the same for every reason.
                assert re.search("no space left|may be full", str(outcome.error)), method
            wait_until(lambda: not one.temporary())
            assert [path for path in one.stored() if path.stat().st_size] == []
            assert one.client.wait_idle(target.url, 120)
        # uWSGI's spool has no name, and takes its space until the worker has closed it.
        wait_until(lambda: shutil.disk_usage(disk).free > 2 * MIB)
        assert upload(target, b"y" * MIB)


def test_a_stored_upload_survives_a_disk_that_is_full_to_the_last_byte(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk, site("uwsgi-tuned", tmp_path, disk) as one:
        target = one.start()
        kept = upload(target, b"acknowledged")
        filler = fill(disk, 0)
        answer = requests.post(f"{target.url}/request-stream", data=b"x" * MIB, timeout=60)
        assert answer.status_code == 507
        assert_kept(target, kept, b"acknowledged")
        filler.unlink()
        upload(target, b"x" * MIB)


@pytest.mark.parametrize("name", TUNED)
def test_a_size_limit_is_a_413_by_the_announced_length_and_by_counting(tmp_path: Path, name: str) -> None:
    with site(name, tmp_path) as one:
        one.runtime._settings["MAX_CONTENT_LENGTH"] = str(MIB)
        target = one.start()
        for method in (METHODS[each] for each in methods_at(DEPLOYMENTS[name])):
            if method.slow or method.hops:  # nobody to pass it on to
                continue
            for size in (MIB // 2, 4 * MIB):
                payload = write_payload(tmp_path / "payload", size)
                with open(payload.path, "rb") as file, session() as client:
                    request = method.send(file, size, Part())
                    answer = client.request(method.verb, f"{target.url}{method.route}", timeout=60, **request)
                assert answer.status_code == (201 if size < MIB else 413), (method.name, size)
                if size > MIB:
                    assert f"{MIB} bytes" in answer.json()["error"]
