"""An upload of a check of clients as one script: the client's own lines, and a tiny server."""

import re
from collections import Counter
from collections.abc import Sequence

from uploadlab.analysis.client_findings import RANKS
from uploadlab.analysis.grid import latest
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import (
    ClientAttempt,
    HangUp,
    Hold,
    Pause,
    Resize,
    Respond,
    Step,
    Take,
)
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS
from uploadlab.checking.client_files import LINE
from uploadlab.checking.client_source import way_source
from uploadlab.checking.client_stage import PATIENCE_SECONDS, USER
from uploadlab.checking.misbehaving import FIRST
from uploadlab.checking.reproduced_behaviour import DRIVER, SERVER, TLS, UPLOAD, UPLOAD_SOURCES
from uploadlab.errors import LabError, UsageError
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.runs import Run
from uploadlab.selection import check

SHOWN = (Verdict.LOSS, Verdict.ENDLESS, Verdict.FAIL)
ALWAYS = (
    "asyncio", "contextlib", "inspect", "os", "socket", "struct", "sys", "tempfile", "threading", "time",
)  # fmt: skip
TYPES = ("from types import SimpleNamespace", "from typing import NamedTuple")
BESIDE = """\
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), {name!r}), "w") as file:
    file.write({text!r})
"""
"""Writes a file that the client's lines need, beside the script."""


def client_reproduction(run: Run, checks: Sequence[Check], name: str) -> list[str]:
    """Return the lines of a script that shows the worst upload of ``CLIENT/CASE`` or ``CLIENT.WAY/CASE``.

    Raise LabError, UsageError.
    """
    row = _worst_row(run, checks, name)
    attempts = CLIENT_CASES[row.case].attempts() if row.case in CLIENT_CASES else ()
    attempt = next((attempt for attempt in attempts if attempt.label == row.label), None)
    if attempt is None or row.deployment not in CLIENTS or row.route not in CLIENTS[row.deployment].ways:
        raise LabError(f"this lab no longer makes what failed as {name}: start a new check")
    return [*_head(run, row), *script_of_way(row.deployment, row.route, attempt).splitlines()]


def script_of_way(client: str, way: str, attempt: ClientAttempt) -> str:
    """Return the script: it prints what the client believes, and what the server has."""
    imports, source, beside = way_source(client, way, attempt.kept)
    modules = [*(f"import {name}" for name in ALWAYS), *TYPES, *imports]
    turns = "".join(f"    [{', '.join(map(_step, turn))}],\n" for turn in attempt.turns)
    driver = DRIVER.format(
        job=_job(client, way, attempt),
        way=way.replace("-", "_"),
        seconds=f"{PATIENCE_SECONDS + attempt.own_seconds:g}",
        first=FIRST if attempt.kept else "",
        get="get" if attempt.kept else "None",
        ready="ready" if re.search(r"^(async )?def ready\(", source, re.MULTILINE) else "None",
    )
    parts = [
        "\n".join(dict.fromkeys(modules)),
        f"CONTENT = {_content(attempt)}  # of the file\n"
        f"# What the server does to each request; all others it stores.\nTURNS = [\n{turns}]",
        SERVER,
        TLS if attempt.tls else "CERTIFICATE, context = '', None",
        UPLOAD.replace("    OPEN\n", UPLOAD_SOURCES[attempt.source]),
        *(BESIDE.format(name=name, text=text) for name, text in beside.items()),
        source,
        driver,
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts)


def _job(client: str, way: str, attempt: ClientAttempt) -> dict[str, object]:
    """Return what the client is asked for, beside what is known once the script runs."""
    method = CLIENT_METHODS[f"{client}.{way}"]
    return {
        "way": way,
        "verb": method.verb,
        "headers": {} if method.form else {"Content-Type": "application/octet-stream"},
        "name": attempt.name,
        "source": attempt.source,
        "login": USER if attempt.login else None,
        "expect": attempt.expect,
    }


def _content(attempt: ClientAttempt) -> str:
    if attempt.source == "text":
        return f"{LINE!r} * {attempt.size_bytes // len(LINE)}"
    return f"os.urandom({attempt.size_bytes})"


def _worst_row(run: Run, checks: Sequence[Check], name: str) -> Check:
    """Return the row of the worst verdict; raise LabError, UsageError."""
    client, _, case = name.partition("/")
    client, _, way = client.partition(".")
    if not case:
        raise UsageError(f"{name!r} is no cell of a check of clients: write requests/early-200")
    check("client", client, [target.name for target in run.targets])
    check("case", case, run.checks)
    rows = [row for row in latest(checks) if (row.deployment, row.case) == (client, case)]
    if way:
        check("way", way, dict.fromkeys(row.route for row in rows))
    rows = [row for row in rows if way in ("", row.route)]
    failed = [row for row in rows if row.verdict in SHOWN]
    if not failed:
        found = ", ".join(dict.fromkeys(str(row.verdict) for row in rows)) or "not tried"
        raise LabError(f"{name} did not fail ({found}): nothing to reproduce")
    # Of the same kind, what most ways show: some others are a matter of moments.
    shown = Counter((row.verdict, row.label) for row in failed)
    return max(failed, key=lambda row: (RANKS.index(row.verdict), shown[row.verdict, row.label]))


def _head(run: Run, row: Check) -> list[str]:
    label = f" ({row.label})" if row.label else ""
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.get(row.deployment, {}).items())
    lines = [
        f"# {row.deployment}.{row.route}, {row.case}{label}: {CLIENT_CASES[row.case].description}",
        f"# Seen by Upload Lab: {row.verdict}: {row.text}{f', with {versions}' if versions else ''}.",
    ]
    # The words of a server or a library must not end the comment.
    return ["#!/usr/bin/env python3", *(" ".join(line.split()) for line in lines)]


def _step(step: Step) -> str:
    """Return a step as the script has it."""
    match step:
        case Take():
            most = "None" if step == Take(asks=step.asks) else str(step.most)
            return f"('take', {most}, {step.each_second}, {step.asks})"
        case Respond():
            return f"('answer', {step.status}, {step.words!r}, {step.headers!r})"
        case HangUp():
            return f"('close', {step.reset})"
        case Pause():
            return f"('pause', {step.seconds})"
        case Hold():
            return "('hold',)"
        case Resize():
            return f"('resize', {step.by})"
