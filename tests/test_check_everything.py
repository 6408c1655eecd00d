"""``lab check`` of everything, with every real server: processes here, containers in test_compose_up.py."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from uploadlab.analysis.grid import idle_exceptions, known_exception, latest
from uploadlab.catalogue.cases import CASES
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.runs import Run
from uploadlab.planning.check_cells import applies
from uploadlab.storage.run_folder import RunFolder

from .helpers import DEPLOYMENTS, REFERENCES, lab, need

pytestmark = pytest.mark.slow

TUNED = [name for name, one in DEPLOYMENTS.items() if one.tier == "tuned"]
LOSERS = {"uwsgi-default", "nginx-uwsgi"}
"""Stock deployments that lose chunked bodies in silence."""
STOCK = {name for name, one in DEPLOYMENTS.items() if one.tier == "stock"}
"""All of them add a byte to some files of forms, by Werkzeug's parser."""


USUAL = [name for name, case in CASES.items() if case.usual]
IN_CONTAINERS = ["content-length", "chunked", "torn-boundary", "over-16-mib", "crowd-idle"]
"""Where containers may differ: in what runs there, in the size of /tmp, in the number of processes.

The same servers try the other cases as processes.
"""


SHOWN_BY_STOCK = ["content-length", "chunked", "torn-boundary"]
"""What is asserted of deployments that are not tuned; the committed check has all cases at each."""


def test_tuned_deployments_store_every_byte_or_refuse_clearly(tmp_path: Path) -> None:
    need("nginx", "uwsgi")
    words = ["--deployments", ",".join(TUNED), "--cases", ",".join(USUAL)]
    done = lab("check", *words, "--runtime", "local", "--out", tmp_path)
    run, rows = tuned_hold(done, tmp_path, "local", USUAL)
    assert idle_exceptions(run, rows) == []


def test_stock_deployments_show_their_defects(tmp_path: Path) -> None:
    need("nginx", "uwsgi")
    words = ["--deployments", ",".join([*sorted(STOCK), *REFERENCES]), "--cases", ",".join(SHOWN_BY_STOCK)]
    done = lab("check", *words, "--runtime", "local", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*-check")
    stock_shows_its_defects(RunFolder(path).read_checks())


def everything_holds(
    done: subprocess.CompletedProcess[str], out: Path, runtime: str, cases: Sequence[str]
) -> None:
    """What a check of these cases has found at every deployment; ``out`` holds its run."""
    _, rows = tuned_hold(done, out, runtime, cases)
    stock_shows_its_defects(rows)


def stock_shows_its_defects(rows: Sequence[Check]) -> None:
    lost = {(row.deployment, row.case) for row in latest(rows) if row.verdict is Verdict.LOSS}
    assert {name for name, case in lost if case == "chunked"} == LOSERS
    assert {name for name, case in lost if case == "torn-boundary"} == STOCK


def tuned_hold(
    done: subprocess.CompletedProcess[str], out: Path, runtime: str, cases: Sequence[str]
) -> tuple[Run, list[Check]]:
    """What a check of these cases has found at every tuned deployment: its run and its rows."""
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*-check")
    folder = RunFolder(path)
    assert "stored every byte or refused clearly" in done.stdout
    run, rows = folder.read_run(), latest(folder.read_checks())
    assert (run.runtime, run.plan) == (runtime, "check")
    assert set(run.checks) == set(cases)
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    tuned = [target for target in run.targets if target.name in TUNED]
    assert {target.name for target in tuned} == set(TUNED)
    assert {(one.name, case) for one in tuned for case in run.checks if applies(one, case)} <= tried
    for row in rows:
        if row.deployment in TUNED:
            assert row.verdict is Verdict.PASS or known_exception(row, run.exceptions), row
    text = lab("report", folder.path, "--format", "md").stdout
    assert all(f"[{number}]" in text for number in (1, 2, 3))
    assert "; 0 bytes silently lost or added" in text
    return run, rows
