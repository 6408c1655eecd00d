"""Ten of the runs of ``./scripts/resumed``: uploads that go on through cuts, kills and a full disk."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from uploadlab.catalogue.payloads import write_payload
from uploadlab.errors import LabError
from uploadlab.pages.resumed import ResumedRun
from uploadlab.processes.groups import Processes
from uploadlab.units import MIB

from benchmark.resumable.__main__ import chosen, ground, share
from benchmark.resumable.faults import FaultKind, drawn_faults
from benchmark.resumable.through_faults import resumed

from .helpers import DEPLOYMENTS, leave_out, need

SEEDS = range(10)
SIZE = 8 * MIB
TUNED = chosen(DEPLOYMENTS.values(), [], ["core"], stock=False)
Runs = dict[int, Future[ResumedRun]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All of them side by side: most of the time, each waits."""
    need("nginx", "uwsgi", "mount")
    folder = tmp_path_factory.mktemp("resumed")
    payload = write_payload(folder / "payload", SIZE)
    with Processes() as processes, ExitStack() as places, ThreadPoolExecutor(len(TUNED)) as pool:
        try:
            grounds = {
                each.name: places.enter_context(ground(processes, each, folder / each.name, SIZE, waits=False))
                for each in TUNED
            }
        except LabError as error:
            leave_out("mount", str(error))
        found: Runs = {}

        def work(name: str, turns: list[tuple[int, str]]) -> list[ResumedRun]:
            return [resumed(grounds[name], seed, method, payload) for seed, method in turns]

        done = {name: pool.submit(work, name, turns) for name, turns in share(SEEDS, TUNED).items()}
        yield found
