"""A job of ``lab ci``: its two runs, what they say together, and the files that a CI reads."""

import shlex
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from uploadlab import session
from uploadlab.analysis.case_results import CaseResult, case_results
from uploadlab.analysis.change import ChangeResult
from uploadlab.analysis.comparison import found
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.analysis.slowdowns import judged_paces
from uploadlab.clock import now
from uploadlab.declared.goals import declared_goals
from uploadlab.errors import LabError, problem_of
from uploadlab.model.order import Kind
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

TITLES = {Kind.CHECK: "The check", Kind.COMPARE: "The comparison"}


class Job:
    """A check and a comparison, as far as they were carried out."""

    def __init__(self, base: str, head: str, share: float, place: session.Place, screen: Screen) -> None:
        self._about = ChangeResult(base, head, share)
        self._place, self._screen = place, screen
        self._started_at, self._began = now(), time.monotonic()
        self._name = f"{time.strftime('%Y%m%d-%H%M%S')}-ci"

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self._began

    def carry_out(self, drafted: Draft) -> None:
        """Carry out one of its runs; raise LabError, Stopped."""
        kind = drafted.order.kind
        self._screen.note(f"{TITLES[kind]}: {', '.join(made.name for made in drafted.deployments)}.")
        session.start(drafted, self._place._replace(name=f"{self._name}-{kind}"), self._screen)

    def result(self, problem: str = "") -> ChangeResult:
        """Return what is known so far; ``problem`` says why it ended early. Raise LabError."""
        result = self._about._replace(problem=problem)
        stored = self._stored()
        if check := stored.get(Kind.CHECK):
            result = result._replace(cases=case_results(check.run, check.checks))
        if comparison := stored.get(Kind.COMPARE):
            groups = found(comparison.run, comparison.rows)
            result = result._replace(
                paces=judged_paces(groups, result.share),
                nothing_arrived=failed_entirely(comparison.run, Rows(comparison.rows)),
            )
        return result

    def document(self, result: ChangeResult) -> Document:
        """Return the answer, with what to type next. Raise LabError."""
        stored = self._stored()
        commands = {}
        if result.bad_cases and (check := stored.get(Kind.CHECK)):
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
        check = self._stored().get(Kind.CHECK)
        facts = SuiteFacts(
            self._started_at, socket.gethostname(), check.run.versions if check else {},
            lambda cell: self._again(check, cell) if check else "",
        )  # fmt: skip
        _write(path, junit_file(result, facts), "--junit")

    def _folders(self) -> Mapping[Kind, RunFolder]:
        folders = {kind: RunFolder(self._place.out / f"{self._name}-{kind}") for kind in TITLES}
        return {kind: folder for kind, folder in folders.items() if folder.has_results()}

    def _stored(self) -> Mapping[Kind, StoredRun]:
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
        raise LabError(f"{why}; name another file") from None
