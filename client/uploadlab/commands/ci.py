"""The command ``ci``: may a change go on? One check and one comparison, for a job that nobody watches."""

import os
from pathlib import Path
from typing import Any

import click

from uploadlab import session
from uploadlab.analysis.change import ChangeVerdict
from uploadlab.commands import options
from uploadlab.commands.ci_job import CHECK, CHECK_OF_BASE, COMPARISON, Job, require_writable
from uploadlab.commands.ci_orders import CELLS, AskedChange, change_orders
from uploadlab.commands.target_options import app_options
from uploadlab.commands.value_types import MINUTES, Names, Percent, Sizes
from uploadlab.errors import FAILED, MISUSED, LabError, Stopped, UsageError
from uploadlab.planning.draft import draft
from uploadlab.planning.version_lineup import LOCKED
from uploadlab.presenting.terminal import Screen

USUAL_MINUTES = 4.5
ENDING_SECONDS = 20.0
"""Of the comparison, beside its rounds: its servers start and become warm, its last round ends."""
LEAST_SECONDS = 30.0
"""The comparison never has less for its rounds."""
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
CODES = {ChangeVerdict.PASS: 0, ChangeVerdict.FAIL: FAILED, ChangeVerdict.ERROR: MISUSED}


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab ci --base gunicorn==26.1.0 --head ../gunicorn --junit uploads.xml
  lab ci --base werkzeug==3.0.1 --fail-above 10%
  lab ci --app app:app --route /upload --base-app ../base
""",
)
@click.option("--base", metavar="SIDE", help="Version before the change.")
@click.option("--head", default=LOCKED, metavar="SIDE", help="Version to judge.  [default: locked]")
@click.option(
    "--base-app", type=click.Path(path_type=Path), metavar="DIR", help="Code of --app before the change."
)
@click.option("--deployments", type=Names(), help="Run these.  [default: those that use it]")
@click.option("--cases", type=Names(), help="Check only these.")
@click.option("--methods", type=Names(), help="Compare only these.")
@click.option("--sizes", type=Sizes(), help="Compare only these: 16MiB,1GiB.")
@click.option("--fail-above", type=Percent(), default="10%", help="Slowdown that fails.  [default: 10%]")
@click.option("--minutes", type=MINUTES, default=USUAL_MINUTES, help="Time limit for both.  [default: 4.5]")
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write Markdown.  [default: $GITHUB_STEP_SUMMARY]",
)
@app_options
@options.place_options
def command(
    place: session.Place, screen: Screen, junit: str | None, summary: str | None, **asked: Any
) -> int:
    """Judge a change in CI.

    Checks the head (the change), then compares its speed with the base. Exit code 1 if uploads fail at the
    head, or it is slower than --fail-above, or the machine was too noisy to judge. Exit code 2 if the job
    could not be carried out. A SIDE is a version as gunicorn==26.1.0, a wheel, a folder, a file of
    requirements, or "locked" (the lab's own). Servers run as processes of this host.
    """
    if place.runtime == session.AUTO:  # whose images take longer than the job may
        place = place._replace(runtime=session.LOCAL)
    page = summary or os.environ.get(SUMMARY_VARIABLE)
    for path, option in ((page, "--summary"), (junit, "--junit")):
        if path:
            require_writable(Path(path), option)
    change = AskedChange(
        share=asked["fail_above"], cells={name: asked[name] for name in CELLS},
        **{name: asked[name] for name in ("base", "head", "base_app", "app", "spec", "cases")},
    )  # fmt: skip
    job = Job(change, place, screen)
    ended = _carried_out(job, change, 60 * asked["minutes"], place, screen)
    result = job.result(str(ended) if ended else "")
    document = job.document(result)
    if junit:
        job.write_junit(result, Path(junit))
    if page:
        job.write_summary(document, Path(page), more=not summary)
    if isinstance(ended, LabError):
        raise UsageError(str(ended))
    if ended:
        raise ended
    screen.answer(document)
    return CODES[result.verdict]


def _carried_out(
    job: Job, change: AskedChange, seconds: float, place: session.Place, screen: Screen
) -> LabError | Stopped | None:
    """Carry out the check and the comparison; return what ended them early."""
    try:
        orders = change_orders(change, place.runtime == session.LOCAL, screen)
        job.carry_out(CHECK, draft(orders.check))
        # Stock servers fail some cases with any version: only what the base does not fail is the change's.
        if doubtful := [cell for cell in job.result("not yet compared").cases if cell.may_fail]:
            job.carry_out(CHECK_OF_BASE, draft(orders.check_of_base(doubtful)))
        left = max(seconds - job.seconds - ENDING_SECONDS, LEAST_SECONDS)
        job.carry_out(COMPARISON, draft(orders.comparison_within(left)))
    except (LabError, Stopped) as error:
        return error
    return None
