"""A job of ``lab ci``: its two runs, what they say together, and the files that a CI reads."""

import shlex
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from uploadlab import session
from uploadlab.analysis.case_results import CaseResult, beside_base, case_results
from uploadlab.analysis.change import ChangeResult
from uploadlab.analysis.comparison import found
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.analysis.slowdowns import judged_paces
from uploadlab.clock import now
from uploadlab.commands.ci_orders import AskedChange
from uploadlab.declared.goals import declared_goals
from uploadlab.errors import UsageError, problem_of
from uploadlab.paths import program, shown
from uploadlab.planning.draft import Draft
from uploadlab.presenting import report
from uploadlab.presenting.change_answer import change_document, job_summary
from uploadlab.presenting.document import Document
from uploadlab.presenting.junit import SuiteFacts, junit_file
from uploadlab.presenting.repeat import command_words
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.reader import StoredRun, read_run_folder
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_seconds

CHECK, CHECK_OF_BASE, COMPARISON = "check", "base-check", "compare"
TITLES = {CHECK: "The check", CHECK_OF_BASE: "The check of the base", COMPARISON: "The comparison"}
"""Its runs, by the end of their folders' names."""


class Job:
    """A check and a comparison, as far as they were carried out."""

    def __init__(self, change: AskedChange, place: session.Place, screen: Screen) -> None:
        self._about = ChangeResult(change.base_text, change.head_text, change.share)
        self._place, self._screen = place, screen
        self._started_at, self._began = now(), 0.0
        self._name = f"{time.strftime('%Y%m%d-%H%M%S')}-ci"

    @property
    def seconds(self) -> float:
        """How long the runs have taken; what was installed before is not counted."""
        return time.monotonic() - self._began if self._began else 0.0

    def carry_out(self, part: str, drafted: Draft) -> None:
        """Carry out one of its runs; raise LabError, Stopped."""
        self._began = self._began or time.monotonic()
        self._screen.note(f"{TITLES[part]}: {', '.join(target.name for target in drafted.targets)}.")
        session.start(drafted, self._place._replace(name=f"{self._name}-{part}"), self._screen)

    def result(self, problem: str = "") -> ChangeResult:
        """Return what is known so far; ``problem`` says why it ended early. Raise LabError."""
        result = self._about._replace(problem=problem)
        stored = self._stored()
        if check := stored.get(CHECK):
            result = result._replace(cases=case_results(check.run, check.checks))
        if base := stored.get(CHECK_OF_BASE):
            result = result._replace(cases=beside_base(result.cases, case_results(base.run, base.checks)))
        if comparison := stored.get(COMPARISON):
            groups = found(comparison.run, comparison.rows)
            result = result._replace(
                paces=judged_paces(groups, result.share),
                nothing_arrived=failed_entirely(comparison.run, Rows(comparison.rows)),
            )
        return result if problem or result.paces else result._replace(problem="nothing was compared")

    def document(self, result: ChangeResult) -> Document:
        """Return the answer, with what to type next. Raise LabError."""
        stored = self._stored()
        commands = {}
        if result.bad_cases and (check := stored.get(CHECK)):
            worst = result.bad_cases[0]
            commands["To try the first failed cell again"] = self._again(check, worst)
            words = ["show", check.run.id, f"{worst.deployment}/{worst.case}", "--reproduce", *self._out()]
            commands["To show it without the lab"] = shlex.join([program(), *words])
        for kind, run in stored.items():
            words = ["report", run.run.id, "--format", "text", *self._out()]
            commands[f"All of {TITLES[kind].lower()}"] = shlex.join([program(), *words])
        facts = [f"in {format_seconds(self.seconds)}", f"runs in {shown(self._place.out)}"]
        return change_document(result, facts, commands)

    def write_summary(self, document: Document, path: Path, more: bool) -> None:
        """Write Markdown for the job's page, with ``more`` below what the file has; raise LabError."""
        details = {
            TITLES[kind]: report.document_of(folder, declared_goals())
            for kind, folder in self._folders().items()
        }
        _write(path, job_summary(document, details), "--summary", more)

    def write_junit(self, result: ChangeResult, path: Path) -> None:
        """Write JUnit XML; raise LabError."""
        check = self._stored().get(CHECK)
        facts = SuiteFacts(
            self._started_at, socket.gethostname(), check.run.versions if check else {},
            lambda cell: self._again(check, cell) if check else "",
        )  # fmt: skip
        _write(path, junit_file(result, facts), "--junit")

    def _folders(self) -> Mapping[str, RunFolder]:
        folders = {kind: RunFolder(self._place.out / f"{self._name}-{kind}") for kind in TITLES}
        return {kind: folder for kind, folder in folders.items() if folder.has_results()}

    def _stored(self) -> Mapping[str, StoredRun]:
        return {kind: read_run_folder(folder) for kind, folder in self._folders().items()}

    def _again(self, check: StoredRun, cell: CaseResult) -> str:
        """Return the command that tries a cell of the check again."""
        if not check.run.order:
            return ""
        order = msgspec.structs.replace(
            check.run.order, deployments=[cell.deployment], cases=[cell.case], group=None
        )
        return shlex.join([program(), *command_words(order)])

    def _out(self) -> Sequence[str]:
        return ["--out", shown(self._place.out)]


def require_writable(path: Path, option: str) -> None:
    """Raise LabError if a file cannot be written: asked before minutes of work."""
    _write(path, "", option, more=True)


def _write(path: Path, text: str, option: str, more: bool = False) -> None:
    try:
        with path.open("a" if more else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        why = f"{option} {shown(path)} was not written: {problem_of(error)}"
        raise UsageError(f"{why}; name another file") from None
