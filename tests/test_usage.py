"""What an upload costs the server: read from real processes, and never guessed."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.measuring.host import describe_host
from uploadlab.sending import server_usage as usage
from uploadlab.sending.process_usage import Process
from uploadlab.sending.server_usage import Usage
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS
from .running import Lab


def processes(url: str) -> list[Process]:
    answer = usage.read(url)
    assert answer
    return answer.processes


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_tells_what_an_upload_costs(lab: Lab, payload: Payload, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    outcome = lab.client.measure(url, "request.stream", payload, 60)
    assert outcome.usage_note is None
    assert 0 < (outcome.server_cpu_seconds or 0) < 10
    assert outcome.server_system_seconds is not None
    peaks = sum(one.peak_rss_bytes or 0 for one in processes(url))
    assert outcome.server_peak_rss_bytes == pytest.approx(peaks, rel=0.05)
    assert peaks > 10 * MIB * len(processes(url)) / 2
    laps = [outcome.connected_seconds, outcome.first_sent_seconds, outcome.sent_seconds, outcome.seconds]
    assert all(laps)
    assert laps == sorted(lap or 0 for lap in laps)
    assert 0 < (outcome.response_wait_seconds or 0) < (outcome.seconds or 0)


def test_every_process_of_a_deployment_is_counted_and_no_other(lab: Lab) -> None:
    at_least = {"flask": {"flask": 1}, "gunicorn": {"gunicorn": 2}, "nginx-uwsgi": {"nginx": 2, "uwsgi": 2}}
    counted: list[int] = []
    for name, programs in at_least.items():
        pids = [one.pid for one in processes(lab.target(DEPLOYMENTS[name]).url)]
        words = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]
        for program, count in programs.items():
            assert sum(program in text for text in words) >= count, words
        counted += pids
    assert len(set(counted)) == len(counted)


SPOOLED = {
    ("flask", "request.stream"): 0,
    ("flask", "request.files-streamed"): 1,
    ("flask", "request.files-direct"): 0,
    ("gunicorn-gthread", "multipart-push"): 0,
    ("uwsgi-buffering", "request.stream"): 1,
    ("nginx-uwsgi", "request.stream"): 1,
    ("nginx-uwsgi", "request.files-streamed"): 2,
    ("nginx-uwsgi-streaming", "request.stream"): 0,
}
"""How often the body is written to disk besides the stored file."""


@pytest.mark.parametrize(("name", "method"), SPOOLED)
def test_what_is_spooled_is_counted(lab: Lab, payload: Payload, name: str, method: str) -> None:
    outcome = lab.client.measure(lab.target(DEPLOYMENTS[name]).url, method, payload, 60)
    if describe_host(lab.data).data_filesystem == "tmpfs":
        assert outcome.spooled_bytes is None
        return
    assert outcome.spooled_bytes is not None
    # Half a copy of the file: logs and the disk's pages add a little, a copy too many adds a whole one.
    assert outcome.spooled_bytes / MIB == pytest.approx(SPOOLED[name, method], abs=0.5)


def test_peaks_agree_with_a_sampler(lab: Lab, tmp_path: Path) -> None:
    url = lab.target(DEPLOYMENTS["gunicorn"]).url
    big = write_payload(tmp_path / "big", 64 * MIB)
    for _ in range(9):  # a sampler that had to wait for a core may have missed a peak
        with suppress(AssertionError):
            return assert_a_sampler_agrees(lab, url, big)
    assert_a_sampler_agrees(lab, url, big)


def assert_a_sampler_agrees(lab: Lab, url: str, big: Payload) -> None:
    seen = dict.fromkeys((one.pid for one in processes(url)), 0)
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            for pid in seen:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                seen[pid] = max(seen[pid], pages * 4096)
            time.sleep(0.001)

    sampler = threading.Thread(target=sample)
    sampler.start()
    outcome = lab.client.measure(url, "request.files-streamed", big, 60)
    done.set()
    sampler.join()
    peaks = {one.pid: one.peak_rss_bytes for one in processes(url)}
    assert peaks == pytest.approx(seen, rel=0.05)
    assert outcome.server_peak_rss_bytes == pytest.approx(sum(seen.values()), rel=0.05)


ONE = Process(7, 100, cpu_seconds=2.0, system_seconds=1.0, peak_rss_bytes=50, written_bytes=8192)


def later(one: Process, **more: float | None) -> Process:
    return msgspec.structs.replace(one, **more)


def test_a_cost_is_what_all_processes_used_in_between() -> None:
    before = Usage([ONE, later(ONE, pid=8)])
    new = Process(9, 200, cpu_seconds=0.5, system_seconds=0.5, peak_rss_bytes=10, written_bytes=0)
    after = Usage(
        [later(ONE, cpu_seconds=2.25, written_bytes=20480), later(ONE, pid=8, peak_rss_bytes=70), new]
    )
    found = usage.cost(before, after)
    assert found == usage.Cost(0.75, 0.5, 130, 12288, None)
    assert usage.spooled_bytes(found.written_bytes, 5000) == 4096


def test_what_is_not_known_is_none_and_says_why() -> None:
    before = Usage([ONE, later(ONE, pid=8)])
    assert usage.cost(before, Usage([ONE])) == usage.Cost(
        note="1 of the server's processes ended, and what they used is lost"
    )
    assert usage.cost(before, Usage([ONE, later(ONE, pid=8, started=101)])).cpu_seconds is None
    assert usage.cost(None, before) == usage.Cost(note="the server does not tell what it uses")
    hidden = usage.cost(Usage([later(ONE, peak_rss_bytes=None)]), Usage([ONE]))
    assert (hidden.cpu_seconds, hidden.peak_rss_bytes, hidden.written_bytes) == (0.0, None, 0)
    assert hidden.note == "peak memory of the server's processes cannot be read"


@pytest.mark.parametrize(("written", "stored"), [(None, 5), (5, None), (0, 5), (0, 0), (4096, 5000)])
def test_writes_that_do_not_even_hold_the_stored_file_are_not_counted(
    written: int | None, stored: int | None
) -> None:
    assert usage.spooled_bytes(written, stored) is None
