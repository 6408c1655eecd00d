"""A diagnosis for its reader: on the terminal, and in files."""

from pathlib import Path

from uploadlab.doctoring.causes import load_causes
from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Diagnosis
from uploadlab.model.exchanges import Examination
from uploadlab.presenting.doctor import doctor_document
from uploadlab.presenting.doctor_report import diagnosis_as_json, write_diagnosis_page
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.terminal import Screen


def show(
    diagnosis: Diagnosis, seen: Examination | None, screen: Screen, json_file: str | None,
    markdown: str | None, html: str | None,
) -> None:  # fmt: skip
    """Print the answer, and write the files that the user wants; raise LabError."""
    causes = load_causes()
    document = doctor_document(diagnosis, seen, causes)
    screen.in_full(document)
    if json_file:
        _write(json_file, diagnosis_as_json(diagnosis, seen, causes))
    if markdown:
        _write(markdown, as_markdown(document))
    if html:
        write_diagnosis_page(document, Path(html))


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise LabError(
            f"{path} was not written: {problem_of(error)}; name a file that you may write"
        ) from None
