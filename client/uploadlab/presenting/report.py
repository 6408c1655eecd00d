"""The report of a run: one page for a browser, the same figures as Markdown and as CSV."""

from uploadlab.declared.goals import Goals
from uploadlab.presenting.composition import report_of
from uploadlab.presenting.document import Report
from uploadlab.presenting.html import page
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

FORMATS = ("html", "md", "csv")


def write_page(folder: RunFolder, goals: Goals) -> None:
    """Write the run's report.html anew; raises LabError."""
    folder.write_report(page(_report(folder, goals)))


def as_text(folder: RunFolder, goals: Goals, form: str) -> str:
    """The report as ``md`` or ``csv``; raises LabError."""
    return as_csv(read_run_folder(folder)) if form == "csv" else as_markdown(_report(folder, goals))


def _report(folder: RunFolder, goals: Goals) -> Report:
    return report_of(read_run_folder(folder), goals)
