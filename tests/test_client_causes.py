"""Causes that the client's side proves of a server that reports nothing of itself."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.diagnosis import diagnose
from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import write_payload
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.model.runs import Run
from uploadlab.model.targets import ANY_SUCCESS, TargetSpec
from uploadlab.sending.upload import upload
from uploadlab.units import MIB

from .helpers import RUN, measured
from .upload_apps import upload_app

FOREIGN = TargetSpec(expect_status=[ANY_SUCCESS])
WAITED: dict[str, Any] = {"response_wait_seconds": 9.5, "sent_seconds": 0.5}
STALLED: dict[str, Any] = {"longest_stall_seconds": 5.0}


def run_of(method: str, size_bytes: int, spec: TargetSpec | None) -> Run:
    cells = [Cell("mine", method, size_bytes), Cell("raw-sink", "request.stream", size_bytes)]
    targets = [Target("mine", "http://192.0.2.7", "target", spec=spec), Target("raw-sink", "", "reference")]
    return msgspec.structs.replace(RUN, targets=targets, cells=[Planned(cell, 1, 1) for cell in cells])


def causes(
    method: str = "request.stream", size: int = 16 * MIB, spec: TargetSpec | None = FOREIGN, **more: Any
) -> set[str]:
    rows = [
        measured("mine", method, 10.0, status=Status.UNVERIFIED, size_bytes=size, **more),
        measured("raw-sink", seconds=0.1, size_bytes=size),
    ]
    return {cause.rule.name for cause in diagnose(run_of(method, size, spec), rows)}


def test_a_wait_is_a_cause_where_no_buffer_explains_it() -> None:
    assert causes(**WAITED) == {"waited-after-last-byte"}
    assert causes(response_wait_seconds=6.0) == set()  # 10 of 16 MiB may still be on their way
    assert causes(response_wait_seconds=6.0, size=64 * MIB) == {"waited-after-last-byte"}
    assert causes(**WAITED, size=8 * MIB) == set()


def test_a_stall_is_a_cause_where_a_slow_network_does_not_explain_it() -> None:
    assert causes(**STALLED) == {"stalled"}
    assert causes(longest_stall_seconds=0.9) == set()
    assert causes(longest_stall_seconds=2.0) == set()  # a fifth of the time: one slow block of few
    assert causes(longest_stall_seconds=None) == set()


def test_what_the_lab_knows_of_its_own_app_is_no_cause_elsewhere() -> None:
    own: dict[str, Any] = {
        "server_cpu_seconds": 9.0,
        "spooled_bytes": 16 * MIB,
        "server_seconds": 9.0,
        **WAITED,
    }
    assert causes(**own) == {"waited-after-last-byte"}
    assert causes(**WAITED, **STALLED, spec=None) == set()


def test_a_distant_server_is_no_body_built_first() -> None:
    assert causes(connected_seconds=4.0) == set()
    assert causes("request.files", connected_seconds=4.0) == {"built-first"}
    assert causes("request.files", size=MIB, connected_seconds=4.0) == set()


@pytest.mark.parametrize("method", ["request.stream", "request.files-streamed"])
def test_a_stall_is_measured(tmp_path: Path, method: str) -> None:
    payload = write_payload(tmp_path / "16.bin", 16 * MIB)
    with upload_app(tmp_path / "store", stalls=3) as app:
        outcome = upload(f"{app.url}/up", METHODS[method], payload, foreign=FOREIGN).outcome
        assert outcome.status is Status.UNVERIFIED
        assert outcome.longest_stall_seconds
        assert 2.5 < outcome.longest_stall_seconds < (outcome.seconds or 0)


def test_a_body_in_one_piece_says_nothing_of_stalls(tmp_path: Path) -> None:
    payload = write_payload(tmp_path / "1.bin", MIB)
    with upload_app(tmp_path / "store") as app:
        outcome = upload(f"{app.url}/up", METHODS["request.files"], payload, foreign=FOREIGN).outcome
        assert (outcome.status, outcome.longest_stall_seconds) == (Status.UNVERIFIED, None)
