"""The report of a run: one page for a browser, the same figures as Markdown and as CSV."""

import msgspec

from uploadlab.declared.goals import Goals
from uploadlab.presenting.composition import compose_report
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.presenting.summary import run_summary
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

FORMATS = ("html", "md", "csv")


def write_page(folder: RunFolder, goals: Goals) -> None:
    """Write the run's report.html and summary.json again; raises LabError."""
    from uploadlab.presenting.html import page  # Jinja is needed for the page alone

    stored = read_run_folder(folder)
    report = compose_report(stored, goals)
    folder.write_report(page(report))
    folder.write_summary(msgspec.json.encode(run_summary(stored, report.title)))


def as_text(folder: RunFolder, goals: Goals, form: str) -> str:
    """Return the report as ``md`` or ``csv``; raises LabError."""
    stored = read_run_folder(folder)
    return as_csv(stored) if form == "csv" else as_markdown(compose_report(stored, goals))
