"""Regressions of other packages: what the lab says of them, and scripts that show them without the lab."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import requests
from uploadlab.model.checks import Verdict
from uploadlab.pages import regressions
from uploadlab.pages.regressions import (
    SameVersion,
    cell_in_words,
    is_same,
    load_regressions,
    read_same_versions,
    same_version,
    shown_by,
)
from uploadlab.paths import ROOT
from uploadlab.presenting.comparison_answer import Effect
from uploadlab.sending.connections import BlockAdapter

from .test_check import row

REPRODUCTIONS = [
    path
    for path in sorted((ROOT / "benchmark" / "reproductions").glob("*.py"))
    if "CPU s/GB" in path.read_text()
]
RESULT = SameVersion("gunicorn==27.0.1", "gunicorn", 1, "2026-11-27", 40, {"a": Effect.SAME}, 0.04)


@pytest.mark.parametrize("script", REPRODUCTIONS, ids=lambda path: path.stem)
def test_a_reproduction_runs_without_the_lab(script: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script), "1"], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr
    first, *figures = done.stdout.splitlines()
    assert "CPU s/GB" in first
    assert len(figures) >= 3
    assert all(float(line.split()[-1]) >= 0 for line in figures)


def test_each_declared_regression_is_shown_by_its_runs() -> None:
    for entry in load_regressions():
        said = [line for name in entry.runs for line in shown_by(name)]
        assert any(
            "slower" in line or "as long" in line or "CPU" in line or "fail" in line for line in said
        ), entry


def test_a_cell_of_the_check_says_how_many_attempts_fail_and_how() -> None:
    good, bad = row("mine", Verdict.PASS, "", "a"), row("mine", Verdict.LOSS, "201, 0 of 9 bytes stored", "a")
    assert cell_in_words([good]) == "passes, 1 attempt"
    assert cell_in_words([good, bad, bad]) == "2 of 3 attempts fail: silent loss, 201, 0 of 9 bytes stored"


def test_comparisons_of_one_version_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = msgspec.structs.replace(RESULT, effects={"a": Effect.SAME, "b": Effect.SLOWER})
    assert [is_same(result) for result in (RESULT, other)] == [True, False]
    path = tmp_path / "results.jsonl"
    monkeypatch.setattr(regressions, "SAME_VERSION_RESULTS", path)
    assert same_version() == "No run is kept yet.\n"
    path.write_bytes(b"".join(msgspec.json.encode(result) + b"\n" for result in (RESULT, other)))
    assert read_same_versions(path) == [RESULT, other]
    assert "| all |  | 2 | 1 |  |" in same_version()


def test_the_client_asks_for_its_blocks_in_a_way_that_urllib3_1_has_too() -> None:
    adapter = BlockAdapter(block_bytes=12_345)
    request = requests.Request("PUT", "http://127.0.0.1/").prepare()
    pool = adapter.get_connection_with_tls_context(request, verify=True)
    assert pool._new_conn().blocksize == 12_345
    assert "blocksize" not in adapter.poolmanager.connection_pool_kw  # urllib3 1.26 would fail for it
