"""The command ``ci``: may a change go on? One check and one comparison, for a job that nobody watches."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from uploadlab import session
from uploadlab.analysis.change import ChangeVerdict
from uploadlab.commands import options
from uploadlab.commands.ci_app import app_sides
from uploadlab.commands.ci_job import Job, require_writable
from uploadlab.commands.target_options import app_options
from uploadlab.commands.value_types import MINUTES, Names, Percent
from uploadlab.errors import FAILED, MISUSED, LabError, Stopped, UsageError
from uploadlab.model.comparison import WITHIN
from uploadlab.model.order import Kind, Order
from uploadlab.planning.draft import draft
from uploadlab.planning.version_lineup import LOCKED, whole_side
from uploadlab.presenting.terminal import Screen

USUAL_MINUTES = 4.5
ENDING_SECONDS = 20.0
"""Of the comparison, beside its rounds: its servers start and become warm, its last round ends."""
LEAST_SECONDS = 30.0
"""The comparison never has less for its rounds."""
PLAN, APP_PLAN = "versions", "own-app"
CELLS = ("methods", "sizes", "rounds", "seed")
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
@click.option("--base", metavar="SIDE", help="What the change is compared with.")
@click.option("--head", default=LOCKED, metavar="SIDE", help="What is judged.  [default: locked]")
@click.option(
    "--base-app",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --app: the folder of its code before the change.",
)
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
@app_options
@options.place_options
def command(
    base: str | None, head: str, base_app: Path | None, fail_above: float, junit: str | None,
    summary: str | None, place: session.Place, screen: Screen, **asked: Any,
) -> int:  # fmt: skip
    """Judge a change in CI.

    One check of the head, then one comparison of the head with the base. Exit code 1 if a tuned deployment
    fails a case, or if the head is slower than --fail-above or cannot be judged; 2 if it cannot be carried
    out. A SIDE is a version as gunicorn==26.1.0, several with commas between, a wheel, a source folder, a
    file of requirements, or "locked". The local runtime is the default.
    """
    if place.runtime == session.AUTO:  # whose images take longer than the job may
        place = place._replace(runtime=session.LOCAL)
    page = summary or os.environ.get(SUMMARY_VARIABLE)
    for path, option in ((page, "--summary"), (junit, "--junit")):
        if path:
            require_writable(Path(path), option)
    job = Job(base or str(base_app), head, fail_above, place, screen)
    ended: LabError | Stopped | None = None
    try:
        place.out.mkdir(parents=True, exist_ok=True)
        orders = _Orders(base, head, base_app, fail_above, asked, screen)
        job.carry_out(draft(orders.check))
        job.carry_out(draft(orders.comparison(job.seconds)))
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


class _Orders:
    """What is asked of the lab for a change; raises UsageError where it is made, not after the check."""

    def __init__(
        self, base: str | None, head: str, base_app: Path | None, share: float, asked: Mapping[str, Any],
        screen: Screen,
    ) -> None:  # fmt: skip
        cases, self._minutes, app, spec = (asked[name] for name in ("cases", "minutes", "app", "spec"))
        own = ("deployments", *CELLS)
        common = {
            "kind": Kind.COMPARE,
            "within": min(WITHIN, share / 2),
            **{name: asked[name] for name in own},
        }
        packages = []
        if app:
            app, before = app_sides(app, base_app, base, head, screen)
            self._comparison = Order(app=app, base_app=before, spec=spec, plan=APP_PLAN, **common)
        elif base_app:
            raise UsageError("--base-app is the code of an app of your own: add --app MODULE:NAME")
        elif base is None:
            raise UsageError("ci needs --base SIDE: what is the change compared with? Write gunicorn==26.1.0")
        else:
            sides = [word if word == LOCKED else whole_side(word) for word in (base, head)]
            packages = [sides[1]] if head != LOCKED else []
            self._comparison = Order(configs=sides, plan=PLAN, **common)
        planned = draft(self._comparison).comparison
        places = [group.place for group in planned.groups] if planned else []
        self.check = Order(
            kind=Kind.CHECK, cases=cases, deployments=places, with_packages=packages, app=app, spec=spec
        )

    def comparison(self, used_seconds: float) -> Order:
        """Return the order of the comparison, for the time that is left."""
        left = max(60 * self._minutes - used_seconds - ENDING_SECONDS, LEAST_SECONDS)
        return msgspec.structs.replace(self._comparison, minutes=left / 60)
