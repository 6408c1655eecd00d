"""The command ``ci``: may a change go on? One check and one comparison, for a job that nobody watches."""

import os
from pathlib import Path
from typing import Any

import click

from uploadlab import session
from uploadlab.analysis.change import ChangeVerdict
from uploadlab.commands import options
from uploadlab.commands.ci_job import Job, require_writable
from uploadlab.commands.value_types import MINUTES, Names, Percent
from uploadlab.errors import FAILED, MISUSED, LabError, Stopped, UsageError
from uploadlab.model.comparison import WITHIN
from uploadlab.model.order import Kind, Order
from uploadlab.planning.draft import Draft, draft
from uploadlab.planning.version_lineup import LOCKED, whole_side
from uploadlab.presenting.terminal import Screen

USUAL_MINUTES = 4.5
ENDING_SECONDS = 20.0
"""Of the comparison, beside its rounds: its servers start and become warm, its last round ends."""
LEAST_SECONDS = 30.0
"""The comparison never has less for its rounds."""
PLAN = "versions"
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
CODES = {ChangeVerdict.PASS: 0, ChangeVerdict.FAIL: FAILED, ChangeVerdict.ERROR: MISUSED}


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab ci --base gunicorn==26.1.0 --head ../gunicorn --junit uploads.xml
  lab ci --base werkzeug==3.0.1 --fail-above 10%
  lab ci --base ../base/requirements.txt --head requirements.txt
""",
)
@click.option("--base", required=True, metavar="SIDE", help="What the change is compared with.")
@click.option("--head", default=LOCKED, metavar="SIDE", help="What is judged.  [default: locked]")
@click.option("--deployments", type=Names(), help="Where.  [default: where the packages matter]")
@click.option("--cases", type=Names(), help="Try only these cases of the check.")
@click.option("--fail-above", type=Percent(), default="10%", help="The slowdown that fails.  [default: 10%]")
@click.option("--minutes", type=MINUTES, default=USUAL_MINUTES, help="Time limit for both.  [default: 4.5]")
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help=f"Write Markdown.  [default: below what ${SUMMARY_VARIABLE} has]",
)
@options.cell_options
@options.place_options
def command(
    base: str, head: str, fail_above: float, junit: str | None, summary: str | None,
    place: session.Place, screen: Screen, **asked: Any,
) -> int:  # fmt: skip
    """Judge a change in CI.

    One check of the head, then one comparison of the head with the base. Exit code 1 if a tuned deployment
    fails a case, or if the head is slower than --fail-above or cannot be judged; 2 if it cannot be carried
    out. A SIDE is a version as gunicorn==26.1.0, several with commas between, a wheel, a source folder, a
    file of requirements, or "locked". The local runtime is the default.
    """
    if place.runtime == session.AUTO:  # whose images take longer than the job may
        place = place._replace(runtime=session.LOCAL)
    place.out.mkdir(parents=True, exist_ok=True)
    job = Job(base, head, fail_above, place, screen)
    page = summary or os.environ.get(SUMMARY_VARIABLE)
    for path, option in ((page, "--summary"), (junit, "--junit")):
        if path:
            require_writable(Path(path), option)
    ended: LabError | Stopped | None = None
    try:
        _carry_out(job, base, head, fail_above, asked)
    except (LabError, Stopped) as error:
        ended = error
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


def _carry_out(job: Job, base: str, head: str, share: float, asked: dict[str, Any]) -> None:
    """Carry out the check and the comparison; raise LabError, Stopped."""
    cases, minutes, deployments = (asked.pop(name) for name in ("cases", "minutes", "deployments"))

    def compared(seconds: float) -> Draft:
        sides = [word if word == LOCKED else whole_side(word) for word in (base, head)]
        return draft(Order(
            kind=Kind.COMPARE, configs=sides, plan=PLAN, deployments=deployments, minutes=seconds / 60,
            within=min(WITHIN, share / 2), **asked,
        ))  # fmt: skip

    planned = compared(60 * minutes)  # a mistake shows before minutes of work
    places = [group.place for group in planned.comparison.groups] if planned.comparison else []
    packages = [] if head == LOCKED else [whole_side(head)]
    check = draft(Order(kind=Kind.CHECK, cases=cases, deployments=places, with_packages=packages))
    job.carry_out(check)
    job.carry_out(compared(max(60 * minutes - job.seconds - ENDING_SECONDS, LEAST_SECONDS)))
