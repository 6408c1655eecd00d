"""Ten of the runs of ``./scripts/resumed``: uploads that go on through cuts, kills and a full disk."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.pages.resumed import ResumedRun
from uploadlab.processes.groups import Processes
from uploadlab.units import MIB

from benchmark.resumable.__main__ import chosen, ground, share
from benchmark.resumable.disk import NoDisk
from benchmark.resumable.faults import MOST_FAULTS, FaultKind, drawn_faults
from benchmark.resumable.through_faults import Times, resumed

from .helpers import DEPLOYMENTS, leave_out, need

pytestmark = pytest.mark.slow

SEEDS = range(10)
SIZE = 8 * MIB
QUICK = Times(
    live_seconds=3600, server_silence_seconds=1, client_silence_seconds=1.0, pause_seconds=0.3, waits=False
)
TUNED = chosen(DEPLOYMENTS.values(), [], ["core"], stock=False)
SHARES = share(SEEDS, TUNED)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[ResumedRun]]]]:
    """The runs of each deployment, all side by side: most of the time, each waits."""
    need("nginx", "uwsgi")
    folder = tmp_path_factory.mktemp("resumed")
    payload = write_payload(folder / "payload", SIZE)
    with Processes() as processes, ThreadPoolExecutor(len(TUNED)) as pool:
        yield {name: pool.submit(runs_of, name, processes, folder, payload) for name in SHARES}


def runs_of(name: str, processes: Processes, folder: Path, payload: Payload) -> list[ResumedRun]:
    with ground(processes, DEPLOYMENTS[name], folder / name, SIZE, QUICK) as made:
        return [resumed(made, seed, method, payload) for seed, method in SHARES[name]]


@pytest.mark.parametrize("name", SHARES)
def test_an_upload_goes_on_through_faults_and_leaves_nothing(
    rows: dict[str, Future[list[ResumedRun]]], name: str
) -> None:
    try:
        found = rows[name].result()
    except NoDisk as error:
        leave_out("mount", str(error))
    assert [(row.seed, row.wrong) for row in found] == [(seed, []) for seed, _ in SHARES[name]]
    planned = [len(drawn_faults(seed, SIZE)) for seed, _ in SHARES[name]]
    assert [len(row.faults) for row in found] == planned
    assert all(row.sent_bytes >= SIZE for row in found)


def test_the_runs_of_the_suite_have_every_fault_and_up_to_ten() -> None:
    drawn = [drawn_faults(seed, SIZE) for seed in SEEDS]
    assert {fault.kind for faults in drawn for fault in faults} == set(FaultKind)
    assert max(map(len, drawn)) <= MOST_FAULTS
    assert drawn == [drawn_faults(seed, SIZE) for seed in SEEDS]
    assert all(0 < fault.after_bytes < SIZE for faults in drawn for fault in faults)
