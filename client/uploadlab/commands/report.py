"""The command ``report``: write the report of a stored run again."""

from pathlib import Path

import click

from uploadlab.commands import options
from uploadlab.declared.goals import declared_goals
from uploadlab.presenting import report
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab report                         report.html of the newest run
  lab report last --format md        the same figures for a document
""",
)
@click.argument("run", default=options.LAST)
@click.option(
    "--format",
    "form",
    type=click.Choice(report.FORMATS),
    default="html",
    help="md and csv go to standard output.  [default: html]",
)
@options.out_option
def command(run: str, form: str, out: Path) -> None:
    """Write the report of a run again.

    RUN is a name, a folder, or last (the default).
    """
    screen, folder, goals = Screen(), options.stored_run(run, out), declared_goals()
    if form == "html":
        report.write_page(folder, goals)
        screen.report(folder)
    else:
        screen.raw(report.as_text(folder, goals, form))
