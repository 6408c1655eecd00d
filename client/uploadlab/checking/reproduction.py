"""A failed attempt of a stored check as one script that anyone can run without the lab."""

from collections.abc import Mapping, Sequence

from uploadlab.analysis.grid import latest
from uploadlab.catalogue.attempts import Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.checking.foreign import adapted
from uploadlab.checking.reproduced_client import client_script
from uploadlab.checking.reproduced_server import FRAMEWORK, RECEIVERS, app_text, server_lines
from uploadlab.declared.compose import load_deployments
from uploadlab.errors import LabError, UsageError
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import EXTERNAL, REFERENCE, Deployment, Target
from uploadlab.model.runs import Run
from uploadlab.paths import COMPOSE
from uploadlab.selection import check
from uploadlab.sending.foreign import file_name, named

FAILED = (Verdict.LOSS, Verdict.FAIL)
"""The verdicts of a defect, the worst first."""
OWN_ADDRESS = "127.0.0.1:8000"


def reproduction(run: Run, checks: Sequence[Check], name: str) -> list[str]:
    """Return the lines of a script that shows the first failed attempt of ``DEPLOYMENT/CASE``.

    Raise LabError, UsageError.
    """
    rows = _failed_rows(run, checks, name)
    found = next(((row, attempt) for row in rows if (attempt := _attempt_of(row))), None)
    if found is None:
        raise LabError(f"this lab no longer sends what failed as {name}: start a new check")
    row, attempt = found
    target = next(target for target in run.targets if target.name == row.deployment)
    head = _headline(run, row, attempt)
    deployment = _deployment(run, row.deployment)
    if target.tier in (EXTERNAL, REFERENCE) or deployment is None:
        return ["#!/usr/bin/env python3", *head, *_client_alone(target, attempt, row.route)]
    address = f"{deployment.scheme}://{OWN_ADDRESS}{row.route}"
    own = client_script(address, [attempt, *attempt.after], own_app=True)
    return [
        "#!/bin/sh", *head, "set -eu", 'cd "$(mktemp -d)"',
        *server_lines(deployment, run.configs, _versions(run, deployment), app_text(row.route, attempt.form)),
        "cat >send.py <<'END'", *own.rstrip("\n").splitlines(), "END", "python3 send.py",
    ]  # fmt: skip


def _failed_rows(run: Run, checks: Sequence[Check], name: str) -> list[Check]:
    """Return the failed attempts of a cell, the worst first; raise LabError, UsageError."""
    deployment, _, case = name.partition("/")
    if not run.checks or not case:
        raise UsageError(
            f"{name!r} is no cell of a check: write uwsgi-default/chunked, of a run of lab check"
        )
    check("deployment", deployment, [target.name for target in run.targets])
    check("case", case, run.checks)
    rows = [row for row in latest(checks) if (row.deployment, row.case) == (deployment, case)]
    failed = [row for row in rows if row.verdict in FAILED]
    if not failed:
        found = ", ".join(dict.fromkeys(str(row.verdict) for row in rows)) or "not tried"
        raise LabError(f"{name} did not fail ({found}): nothing to reproduce")
    return sorted(failed, key=lambda row: (FAILED.index(row.verdict), row.route not in RECEIVERS))


def _attempt_of(row: Check) -> Attempt | None:
    """Return the attempt that a row is about; None if the case no longer has it."""
    is_form = {method.form for method in METHODS.values() if method.route == row.route}
    for attempt in CASES[row.case].attempts() if row.case in CASES else ():
        if attempt.shown_label == row.label and (not row.route or attempt.form in is_form):
            return attempt
    return None


def _deployment(run: Run, name: str) -> Deployment | None:
    made = {deployment.name: deployment for deployment in run.derived}
    return made.get(name) or (load_deployments(COMPOSE).get(name) if COMPOSE.exists() else None)


def _headline(run: Run, row: Check, attempt: Attempt) -> list[str]:
    label = f" ({row.label})" if row.label else ""
    versions = run.versions.get(row.deployment, {})
    numbers = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    contract = CASES[row.case].contract
    lines = [
        f"# {row.deployment}, {row.case}{label}: {CASES[row.case].description}",
        f"# Expected: {_expected(attempt)}.",
        *(
            ["# The case tests the lab's own app: the small app below may behave otherwise."]
            if contract
            else []
        ),
        f"# Seen by Upload Lab: {row.text}{f', with {numbers}' if numbers else ''}.",
    ]
    return [" ".join(line.split()) for line in lines]  # a server's words must not end the comment


def _expected(attempt: Attempt) -> str:
    """Return what a server should do with an attempt, in a few words."""
    statuses = " or ".join(map(str, map(int, attempt.refusals[:4])))
    refusal = f"a refusal with {statuses}" if statuses else "a refusal"
    if attempt.gone:
        return "nothing is stored"
    if attempt.must_refuse:
        return f"{refusal}, and nothing is stored"
    success = f"success with all {attempt.file.size_bytes} bytes stored"
    if attempt.within_seconds:
        success += f" within {attempt.within_seconds:g} s"
    return f"{success}, or {refusal}" if statuses else success


def _versions(run: Run, deployment: Deployment) -> Mapping[str, str]:
    return run.versions.get(deployment.name, {}) or dict.fromkeys(FRAMEWORK, "")


def _client_alone(target: Target, attempt: Attempt, route: str) -> list[str]:
    """Return the client's part, for a server that the reader runs."""
    lines = []
    address = target.url + route
    if spec := target.foreign:
        name = file_name()
        attempt, address = adapted(attempt, target, spec, name), named(target.url, name)
    if target.spec and target.spec.secret_names:
        lines.append(
            f"# The server was given more, which no run stores: {', '.join(target.spec.secret_names)}"
        )
    return [
        *lines,
        *client_script(address, [attempt, *attempt.after], own_app=False).rstrip("\n").splitlines(),
    ]
