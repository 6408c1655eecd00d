"""``lab check`` of everything, with every real server: processes here, containers in test_compose_up.py."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from uploadlab.analysis.grid import idle_exceptions, known_exception, latest
from uploadlab.catalogue.cases import CASES
from uploadlab.model.checks import Verdict
from uploadlab.planning.check_cells import applies
from uploadlab.storage.run_folder import RunFolder

from .helpers import DEPLOYMENTS, lab, need

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


def test_tuned_deployments_store_every_byte_or_say_no_and_stock_ones_show_their_defects(
    tmp_path: Path,
) -> None:
    need("nginx", "uwsgi")
    done = lab("check", "--runtime", "local", "--cases", ",".join(USUAL), "--out", tmp_path)
    everything_holds(done, tmp_path, "local", USUAL)


def everything_holds(
    done: subprocess.CompletedProcess[str], out: Path, runtime: str, cases: Sequence[str]
) -> None:
    """What a check of these cases has found at every deployment; ``out`` holds its run."""
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*-check")
    folder = RunFolder(path)
    assert "stored every byte or refused clearly" in done.stdout
    run, rows = folder.read_run(), latest(folder.read_checks())
    assert (run.runtime, run.plan) == (runtime, "check")
    assert set(run.checks) == set(cases)
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    tuned = [target for target in run.targets if target.name in TUNED]
    assert {(one.name, case) for one in tuned for case in run.checks if applies(one, case)} <= tried
    for row in rows:
        if row.deployment in TUNED:
            assert row.verdict is Verdict.PASS or known_exception(row, run.exceptions), row
    if runtime == "local":  # a sample of the cases does not show each
        assert idle_exceptions(run, rows) == []
    lost = {(row.deployment, row.case) for row in rows if row.verdict is Verdict.LOSS}
    assert {name for name, case in lost if case == "chunked"} == LOSERS
    assert {name for name, case in lost if case == "torn-boundary"} == STOCK
    text = lab("report", folder.path, "--format", "md").stdout
    assert all(f"[{number}]" in text for number in (1, 2, 3))
    assert "; 0 bytes silently lost or added" in text
