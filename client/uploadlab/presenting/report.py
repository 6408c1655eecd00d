"""The report of a run: one page for a browser, the same figures as Markdown and as CSV."""

import os

import msgspec

from uploadlab.declared.goals import Goals
from uploadlab.paths import BENCHMARK, DOCS
from uploadlab.presenting.composition import compose
from uploadlab.presenting.document import Document
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

FORMATS = ("html", "md", "csv", "text")


def document_of(folder: RunFolder, goals: Goals) -> Document:
    """Return what a stored run shows; raises LabError."""
    return compose(read_run_folder(folder), goals)


def write_page(folder: RunFolder, document: Document) -> None:
    """Write the run's report.html and summary.json again; raises LabError."""
    from uploadlab.presenting.html import page  # Jinja is needed for the page alone

    place = folder.path.resolve()
    # The way from a run in the checkout to the docs is known; a run elsewhere has no docs beside it.
    docs = os.path.relpath(DOCS, place) if place.is_relative_to(BENCHMARK.resolve()) and DOCS.is_dir() else ""
    folder.write_report(page(document, docs))
    if document.summary:
        folder.write_summary(msgspec.json.encode(document.summary))


def as_text(document: Document, form: str) -> str:
    """Return the report as ``md`` or ``csv``."""
    return as_csv(document) if form == "csv" else as_markdown(document)
