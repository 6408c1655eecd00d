"""The command ``report``: write the report of a stored run again."""

import gc
from pathlib import Path

import click

from uploadlab.commands import options
from uploadlab.declared.goals import declared_goals
from uploadlab.presenting import report
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.files import REPORT


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab report                         report.html of the newest run
  lab report last --format md        the same figures as Markdown
  lab report last --format text      all tables, then the answer
""",
)
@click.argument("run", default=options.LAST)
@click.option(
    "--format",
    "form",
    type=click.Choice(report.FORMATS),
    default="html",
    help="md, csv and text go to standard output.  [default: html]",
)
@options.out_option
def command(run: str, form: str, out: Path) -> None:
    """Write the report of a run again.

    RUN is a name, a folder, or last (the default).
    """
    gc.disable()  # which would look through all rows over and over, in a process that is about to end
    folder = options.stored_run(run, out)
    document, screen = report.document_of(folder, declared_goals()), Screen()
    if form == "html":
        report.write_page(folder, document)
        screen.report(folder.path / REPORT)
    elif form == "text":
        screen.details(document)
        screen.answer(document)
    else:
        screen.raw(report.as_text(document, form))
