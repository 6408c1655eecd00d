"""What the lab sees of its host beside an upload: with a faked /proc, and beside programs that are busy."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uploadlab.model.host_use import HostUse, HostWarning
from uploadlab.sending.host_readings import PAGE_BYTES, HostFiles
from uploadlab.sending.host_watch import HostWatch, host_use, known_cpu_seconds
from uploadlab.sending.server_usage import Cost
from uploadlab.storage.run_folder import RunFolder

from .fake_server import serve
from .helpers import lab

WARNINGS = {
    "busy": HostWarning.OTHER_PROCESSES,
    "stolen": HostWarning.CPU_STEAL,
    "throttled": HostWarning.THROTTLED,
    "hot": HostWarning.THROTTLED,
    "dirty": HostWarning.DISK_BUSY,
    "swapped": HostWarning.MEMORY_SHORT,
    "stalled": HostWarning.MEMORY_SHORT,
}


class Host:
    """Linux's files about a host of 2 cores, as a folder."""

    def __init__(self, root: Path, cores: int = 2) -> None:
        self.root, self.cores = root, cores
        self.files = HostFiles(root)
        self.write("proc/self/cgroup", "4:cpu,cpuacct:/\n0::/lab/run\n")
        self.write("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "7\n")
        self.at()
        self.files = HostFiles(root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def at(
        self, busy: int = 0, stolen: int = 0, runnable: int = 1, throttled: int = 0, hot: int = 0,
        dirty: int = 0, swapped: int = 0, stalled: int = 0,
    ) -> None:  # fmt: skip
        """Let counters stand there: of CPU in ticks of 10 ms, of memory in pages or microseconds."""
        lines = [f"cpu{number} 0 0 0 0 0 0 0 0 0 0" for number in range(self.cores)]
        user, system = 1000 + busy // 2, 500 + busy - busy // 2
        self.write(
            "proc/stat", "\n".join([f"cpu  {user} 3 {system} 99 9 2 4 {50 + stolen} 5 5", *lines, "intr 1"])
        )
        self.write("proc/loadavg", f"0.97 0.63 2.02 {runnable}/109 18397\n")
        self.write(
            "proc/vmstat",
            f"nr_dirty {dirty}\nnr_writeback 1\nnr_dirty_threshold 3000\nnr_dirty_background_threshold 1000\n"
            f"pswpin 3\npswpout {swapped}\n",
        )
        self.write("proc/pressure/memory", f"some avg10=0.00 avg60=0.00 total={stalled}\nfull total=9\n")
        self.write("sys/fs/cgroup/lab/run/cpu.stat", "usage_usec 5\nnr_throttled 0\nthrottled_usec 0\n")
        self.write("sys/fs/cgroup/lab/cpu.stat", f"nr_periods 9\nnr_throttled {throttled}\n")
        self.write("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", f"{7 + hot}\n")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def seen(host: Host, lab_cpu: float | None = 0.0, seconds: float = 1.0, **after: int) -> HostUse:
    """What is known of a time in which the counters went from where they are to ``after``."""
    before = host.files.read()
    host.at(**after)
    return host_use(before, host.files.read()._replace(at=before.at + seconds), lab_cpu)


def test_a_quiet_host_gives_no_warning_however_busy_the_lab_is(host: Host) -> None:
    use = seen(host, lab_cpu=1.9, busy=200)
    assert use.other_cpu_seconds == pytest.approx(0.1)
    assert (use.host_seconds, use.steal_seconds, use.throttles, use.swapped_bytes) == (1, 0, 0, 0)
    assert use.dirty_bytes == PAGE_BYTES
    assert use.host_warnings == []
    assert not use.disturbed


@pytest.mark.parametrize(
    "after",
    [{"busy": 60}, {"stolen": 11}, {"throttled": 1}, {"hot": 1}, {"swapped": 300}, {"stalled": 200_000}],
    ids=lambda after: next(iter(after)),
)
def test_each_disturbance_has_its_warning(host: Host, after: dict[str, int]) -> None:
    (name,) = after
    use = seen(host, **after)
    assert use.host_warnings == [WARNINGS[name]]
    assert use.disturbed


def test_a_disk_that_was_busy_before_is_one_and_what_the_upload_left_is_none(host: Host) -> None:
    assert seen(host, dirty=5000).host_warnings == []
    assert seen(host, dirty=5000).host_warnings == [HostWarning.DISK_BUSY]


def test_in_a_short_time_others_must_have_wanted_a_core_before_and_after(host: Host) -> None:
    host.at(runnable=2)
    assert seen(host, seconds=0.05, busy=3, runnable=1).host_warnings == [], "rounding: 3 ticks"
    host.at(runnable=2)
    assert seen(host, seconds=0.05, busy=0, runnable=3).host_warnings == [], "they took nothing"
    assert seen(host, seconds=0.02, busy=0, runnable=3).host_warnings == [HostWarning.OTHER_PROCESSES]
    host.at(runnable=2)
    use = seen(host, seconds=0.05, busy=3, runnable=3)
    assert (use.other_runnable, use.host_warnings) == (1, [HostWarning.OTHER_PROCESSES])


def test_a_small_part_of_many_cores_disturbs_nobody(tmp_path: Path) -> None:
    assert seen(Host(tmp_path / "large", cores=64), busy=100).host_warnings == []
    assert seen(Host(tmp_path / "small", cores=8), busy=100).host_warnings == [HostWarning.OTHER_PROCESSES]


def test_what_is_not_known_is_none_and_no_warning(host: Host, tmp_path: Path) -> None:
    use = seen(host, lab_cpu=None, busy=200, runnable=9)
    assert (use.other_cpu_seconds, use.host_warnings) == (None, [])
    nothing = HostFiles(tmp_path / "no-linux")
    use = host_use(nothing.read(), nothing.read(), 1.0)
    unknown = HostUse(host_seconds=use.host_seconds)
    assert use == unknown
    host.write("proc/stat", "cpu 1 2 three\n")
    host.write("proc/vmstat", "nr_dirty many\n")
    host.write("proc/loadavg", "")
    reading = host.files.read()
    assert (reading.busy_seconds, reading.dirty_bytes, reading.runnable) == (None, None, None)


def test_of_two_servers_on_the_way_the_cpu_is_not_known() -> None:
    assert known_cpu_seconds("request.stream", Cost(cpu_seconds=2.0)) == 2.0
    assert known_cpu_seconds("relay", Cost(cpu_seconds=2.0)) is None


def test_another_run_is_seen_by_its_processes(host: Host) -> None:
    def process(pid: int, parent: int, *words: str) -> None:
        host.write(f"proc/{pid}/cmdline", "\0".join(words) + "\0")
        host.write(f"proc/{pid}/stat", f"{pid} (python) x) S {parent} 1 1")

    own = os.getppid()
    process(10, own, "python", "-m", "uploadlab.sending.process")
    process(11, own, "python", "-m", "uploadlab.load.master", "127.0.0.1")
    process(12, 1, "vi", "uploadlab.sending.processes")
    assert host.files.other_runs(own) == 0
    process(13, 500, "python", "-m", "uploadlab.sending.process")
    process(14, 500, "python", "-m", "uploadlab.load.master")
    assert host.files.other_runs(own) == 1
    watch = HostWatch(host.files)
    watch.begin()
    assert watch.end(0.0, None).host_warnings == [HostWarning.OTHER_RUN]


def test_a_warning_says_what_happened_and_what_to_do() -> None:
    for warning in HostWarning:
        assert warning.what[0].islower() and not warning.what.endswith(".")
        assert warning.advice[0].islower() and not warning.advice.endswith(".")


@pytest.fixture
def busy_host() -> Iterator[None]:
    """A busy process for each core."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    yield
    for process in busy:
        process.kill()
        process.wait()


WORDS = ("--deployments", "flask", "--methods", "request.stream", "--sizes", "256MiB", "--rounds", "2")


@pytest.mark.slow
@pytest.mark.usefixtures("busy_host", "no_left_overs")
def test_rounds_beside_busy_programs_are_marked_and_repeated_once(tmp_path: Path) -> None:
    where = ("--runtime", "local", "--out", tmp_path / "out", "--data-dir", tmp_path / "data")
    done = lab("run", *WORDS, *where, LAB_REPEAT="1")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    rows = [row for row in RunFolder(path).read_measurements() if not row.warmup]
    first, again = ([row for row in rows if row.repeat is repeat] for repeat in (False, True))
    assert all(HostWarning.OTHER_PROCESSES in row.host_warnings for row in first)
    repeated = {(row.cell_id, row.round) for row in again}
    # On a busy host the repeats may take longer than the rounds: then the last of them are left out.
    assert repeated and repeated <= {(row.cell_id, row.round) for row in first}
    assert len(again) == len(repeated)


@pytest.mark.slow
@pytest.mark.usefixtures("busy_host")
def test_of_a_foreign_server_nobody_knows_which_cpu_is_its_own(tmp_path: Path) -> None:
    with serve() as server:
        words = ("--target", f"mine={server.url}/up", "--expect-status", "201", "--deployments", "mine")
        done = lab("run", *words, *WORDS[2:], "--runtime", "local", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    rows = [row for row in RunFolder(path).read_measurements() if row.deployment == "mine"]
    assert rows
    assert all(row.other_cpu_seconds is None and row.host_seconds for row in rows)
    assert not any(HostWarning.OTHER_PROCESSES in row.host_warnings for row in rows)
