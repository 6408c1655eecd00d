"""A diagnosis for its reader: on the terminal, and in files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from uploadlab.doctoring.causes import load_causes
from uploadlab.doctoring.examination import Report
from uploadlab.doctoring.registry import QUESTIONS
from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Diagnosis
from uploadlab.model.exchanges import Examination
from uploadlab.presenting.doctor import doctor_document
from uploadlab.presenting.doctor_report import diagnosis_as_json, require_page_packages, write_diagnosis_page
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.terminal import Screen


class Copies(NamedTuple):
    """The files that the user wants of a diagnosis; None: not this one."""

    json: str | None = None
    markdown: str | None = None
    html: str | None = None

    def require(self) -> None:
        """Raise LabError for a file that cannot be written: before an examination of minutes."""
        if self.html:
            require_page_packages()
        for path in filter(None, self):
            folder = Path(path).parent
            if not folder.is_dir():
                raise LabError(f"{path} cannot be written: there is no folder {folder}; name another file")


def show_diagnosis(diagnosis: Diagnosis, seen: Examination | None, screen: Screen, copies: Copies) -> None:
    """Print the answer, and write its copies; raise LabError."""
    causes = load_causes()
    document = doctor_document(diagnosis, seen, causes)
    if copies.json:
        _write(copies.json, diagnosis_as_json(diagnosis, seen, causes))
    if copies.markdown:
        _write(copies.markdown, as_markdown(document))
    if copies.html:
        write_diagnosis_page(document, Path(copies.html))
    screen.in_full(document)


@contextmanager
def told(screen: Screen, requests: int) -> Iterator[Report]:
    """Show how an examination goes on: a bar in a terminal, a line for each question elsewhere."""
    last = ""
    with screen.progress(requests, "requests") as shown:

        def report(question: str, label: str) -> None:
            nonlocal last
            if screen.is_terminal:
                shown.began(f"{question}: {label}")
            elif question != last:
                shown.note(f"{question}: {QUESTIONS[question].title}")
            last = question

        yield report


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(
            f"{path} was not written: {problem_of(error)}; name a file that you may write"
        ) from None
