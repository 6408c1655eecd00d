"""``lab show RUN CELL --reproduce``: scripts that show a failed attempt without the lab."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest
from uploadlab.catalogue.attempts import PAUSES, Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.checking.reproduced_client import client_script
from uploadlab.checking.reproduction import reproduction
from uploadlab.checking.wire import send_in_turn
from uploadlab.model.checks import Check, Verdict
from uploadlab.pages.part import kept
from uploadlab.paths import REFERENCE
from uploadlab.runtimes.local import free_ports
from uploadlab.units import MIB

from .helpers import ALL_DEPLOYMENTS, lab, need, wait_until
from .listening import listen

CHECKS = [name for name in ("check", "check-servers") if (REFERENCE / name).exists()]
"""The kept checks."""
SILENT_SECONDS = 2.0
"""After which a client has sent all, on a machine that is busy."""


class Recorder:
    """A server that notes what each connection sends, and then refuses it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        connection.settimeout(SILENT_SECONDS)
        received = b""
        with connection:
            with suppress(TimeoutError, ConnectionError):
                while block := connection.recv(1 << 20):
                    received += block
            with suppress(ConnectionError):
                connection.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
        self.sent.append(received)


def quick_attempts() -> Iterator[tuple[str, Attempt]]:
    """One attempt of each case that needs neither time nor much memory."""
    for name, case in CASES.items():
        for attempt in case.attempts():
            timed = attempt.then in PAUSES or attempt.crowd or case.kind is CaseKind.LIMIT
            if not (timed or attempt.file.size_bytes > 4 * MIB):
                yield name, attempt
                break


def sent_twice(attempt: Attempt) -> list[bytes]:
    """What the check sends, and what the script sends."""
    recorder = Recorder()
    with listen(recorder) as url:
        send_in_turn(url, [attempt])
        exec(client_script(url, [attempt], own_app=False), {})
        wait_until(lambda: len(recorder.sent) == 2)
    return recorder.sent


def test_a_script_sends_what_the_check_sends() -> None:
    attempts = dict(quick_attempts())
    with ThreadPoolExecutor(len(attempts)) as pool, redirect_stdout(StringIO()):
        for name, (by_check, by_script) in zip(
            attempts, pool.map(sent_twice, attempts.values()), strict=True
        ):
            assert by_script == by_check, name


def failed_cells() -> Iterator[tuple[str, Check]]:
    """Failed cells of stock rows, from the kept checks: each kind of failure, and each deployment."""
    codes: set[str] = set()
    deployments: set[str] = set()
    for run in CHECKS:
        rows = kept(run).checks
        lost = {(row.deployment, row.case) for row in rows if row.verdict is Verdict.LOSS and by_chance(row)}
        for row in sorted(rows, key=by_chance):
            if (row.deployment, row.case) in lost:  # what the cell's script shows
                continue
            made = ALL_DEPLOYMENTS.get(row.deployment)
            is_stock = made is not None and made.tier == "stock"
            is_new = row.code not in codes or row.deployment not in deployments
            if (
                is_stock
                and is_new
                and row.verdict in (Verdict.LOSS, Verdict.FAIL)
                and is_quick(row.case)
                and is_sent(row)
            ):
                codes.add(row.code)
                deployments.add(row.deployment)
                yield run, row


def by_chance(row: Check) -> bool:
    """Whether a server may judge it by the pieces in which it arrives: others come first."""
    return not (row.case in CASES and CASES[row.case].kind is CaseKind.GOOD)


def is_quick(name: str) -> bool:
    """Whether the lab's contract is not needed, and nothing waits for long."""
    case = CASES.get(name)
    return (
        bool(case and case.usual and case.kind is not CaseKind.CROWD and not case.contract)
        and name != "stall"
    )


def is_sent(row: Check) -> bool:
    """Whether the case still has the row's attempt."""
    return any(attempt.shown_label == row.label for attempt in CASES[row.case].attempts())


def shows(row: Check, output: str) -> bool:
    """Whether a script's output has the result of the check."""
    if row.verdict is Verdict.LOSS:
        return f"stored {row.stored_bytes} of {row.sent_bytes} bytes, other bytes" in output
    if row.code.endswith("but-stored"):
        return re.search(r"stored \d", output) is not None
    if row.code in ("no-answer-reset", "status-502"):  # the answer may win the race with the reset
        return re.search(r"no answer|answered [45]", output) is not None
    if row.code.startswith("no-answer"):
        return "no answer" in output
    if row.code == "accepted-bad":
        return "answered 201" in output
    return re.search(r"answered [45]", output) is not None


def test_a_script_shows_the_failure(tmp_path: Path, subtests: pytest.Subtests) -> None:
    for run, row in failed_cells():
        with subtests.test(run=run, deployment=row.deployment, case=row.case):
            need(*ALL_DEPLOYMENTS[row.deployment].needs)
            assert_shown(run, f"{row.deployment}/{row.case}", tmp_path)


@pytest.mark.parametrize("run", CHECKS)
def test_the_command_prints_the_script(run: str) -> None:
    row = next(row for name, row in failed_cells() if name == run)
    cell = f"{row.deployment}/{row.case}"
    script = "\n".join(reproduction(kept(run).run, kept(run).checks, cell)) + "\n"
    assert lab("show", REFERENCE / run, cell, "--reproduce").stdout == script


def assert_shown(run: str, cell: str, folder: Path) -> None:
    script = "\n".join(reproduction(kept(run).run, kept(run).checks, cell)) + "\n"
    seen = re.search(r"^# Seen by Upload Lab: (.*)", script, re.MULTILINE)
    assert seen, script
    (port,) = free_ports(1)
    env = {**os.environ, "VENV": sys.prefix, "PORT": str(port), "TMPDIR": str(folder)}
    done = subprocess.run(
        ["sh"], input=script, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    rows = [row for row in kept(run).checks if f"{row.deployment}/{row.case}" == cell]
    shown = next(row for row in rows if row.text and seen[1].startswith(row.text))
    assert shows(shown, done.stdout), (seen[1], done.stdout, done.stderr)
