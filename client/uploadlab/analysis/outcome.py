"""Whether a run showed anything of what the user named: targets, deployments, configs. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from uploadlab.analysis.grid import judged
from uploadlab.analysis.link_facts import links_of_targets
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import EXTERNAL, REFERENCE
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.order import Kind
from uploadlab.model.runs import Run


class Rows(NamedTuple):
    """What a run has measured."""

    measurements: Sequence[Measurement] = ()
    checks: Sequence[Check] = ()
    steps: Sequence[LoadStep] = ()
    uploads: Sequence[LoadUpload] = ()


class _Result(NamedTuple):
    """One row of any kind, as far as it counts here."""

    name: str
    """Of the target."""
    arrived: bool
    why: str


def failed_entirely(run: Run, rows: Rows) -> dict[str, str]:
    """Return what the user named and nothing arrived at, each with the first reason.

    Uploads one after the other, checks and concurrent uploads are judged apart: where nothing of one kind
    arrived, this kind of the order was in vain.
    """
    named = _named(run)
    failed: dict[str, str] = {}
    for results in (_uploads(run, rows), _checks(run, rows), _load(run, rows)):
        of_kind = list(results)
        for name in named:
            mine = [result for result in of_kind if result.name == name]
            if mine and not any(result.arrived for result in mine):
                failed.setdefault(name, mine[0].why)
    return failed


def _named(run: Run) -> list[str]:
    """Return the targets that the user named one by one: of a plan or ``*``, any may lack something.

    References are not among them: they are measured in any case, and workers elsewhere reach none.
    """
    chosen = list((run.order.deployments if run.order else None) or [])
    chosen += (run.order.clients if run.order else None) or []
    # An ablation may look for what makes its base fail.
    if run.comparison and run.order and run.order.kind is Kind.COMPARE:
        chosen += [*run.comparison.bases, *run.comparison.others]
    return [
        target.name
        for target in run.targets
        if target.tier == EXTERNAL or (target.behind in chosen and target.tier != REFERENCE)
    ]


def _uploads(run: Run, rows: Rows) -> Iterable[_Result]:
    cutting = {name for name, link in links_of_targets(run).items() if link.cuts}
    for row in rows.measurements:
        was_cut = row.deployment in cutting and row.status is Status.FAILED  # as the user has ordered
        if not row.warmup and not was_cut:
            yield _Result(row.deployment, row.status in ACCEPTED, _reason(row.status, row.error))


def _checks(run: Run, rows: Rows) -> Iterable[_Result]:
    for row in judged(run, rows.checks):
        # A failure is what the check was asked for; who must pass has an exit code of its own.
        yield _Result(row.deployment, row.verdict is not Verdict.UNAVAILABLE, f"{row.verdict}: {row.text}")


def _load(run: Run, rows: Rows) -> Iterable[_Result]:
    names = {step.id: step.cell.deployment for step in run.load}
    for step in rows.steps:
        if step.status is not Status.OK and step.step_id in names:
            yield _Result(names[step.step_id], False, _reason(step.status, step.error))
    for upload in rows.uploads:
        if upload.step_id in names and not upload.slow:
            arrived = upload.status in ACCEPTED
            yield _Result(names[upload.step_id], arrived, _reason(upload.status, upload.error))


def _reason(status: Status, error: str | None) -> str:
    return f"{status}: {error}" if error else str(status)
