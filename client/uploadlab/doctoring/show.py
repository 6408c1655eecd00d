"""A diagnosis for its reader: on the terminal, and in files."""

from pathlib import Path

import msgspec

from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Diagnosis
from uploadlab.model.exchanges import Examination
from uploadlab.presenting.terminal import Screen


def show(
    diagnosis: Diagnosis, seen: Examination | None, screen: Screen, json_file: str | None,
    markdown: str | None, html: str | None,
) -> None:  # fmt: skip
    """Print the answer, and write the files that the user wants; raise LabError."""
    screen.text(f"{found.symptom}: {found.cause} ({found.confidence})" for found in diagnosis.findings)
    if json_file:
        content = msgspec.json.encode({"examination": seen, "diagnosis": diagnosis})
        _write(json_file, msgspec.json.format(content, indent=1).decode())


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(f"{text}\n")
    except OSError as error:
        raise LabError(
            f"{path} was not written: {problem_of(error)}; name a file that you may write"
        ) from None
