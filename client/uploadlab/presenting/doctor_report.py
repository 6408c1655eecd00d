"""A diagnosis as text for other programs, and as a page."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Cause, Diagnosis
from uploadlab.model.exchanges import Examination
from uploadlab.presenting.doctor_words import without_secrets
from uploadlab.presenting.document import Document

SCHEMA = 1
"""Of the JSON: it grows by one when a field changes its meaning or goes."""
PAGE_NEEDS = ("jinja2", "markupsafe")


def diagnosis_as_json(
    diagnosis: Diagnosis, examination: Examination | None, causes: Mapping[str, Cause]
) -> str:
    """Return all that the doctor saw and says, with the causes that it names, in ASCII."""
    named = {finding.cause for finding in diagnosis.findings}
    named |= {other.cause for finding in diagnosis.findings for other in finding.others}
    whole = {
        "schema": SCHEMA,
        "diagnosis": without_secrets(diagnosis),
        "examination": without_secrets(examination) if examination else None,
        "causes": {name: causes[name] for name in sorted(named) if name in causes},
    }
    return json.dumps(msgspec.to_builtins(whole), indent=2) + "\n"


def require_page_packages() -> None:
    """Raise LabError unless a page can be written: asked before an examination of minutes."""
    if missing := [name for name in PAGE_NEEDS if not find_spec(name)]:
        raise LabError(f"--html needs {missing[0]}: pip install 'upload-lab[lab]'")


def write_diagnosis_page(document: Document, path: Path) -> None:
    """Write a document as one page that fetches nothing; raise LabError."""
    require_page_packages()
    from uploadlab.presenting.html import page  # Jinja is needed for the page alone

    try:
        path.write_text(page(document), encoding="utf-8")
    except OSError as error:
        raise LabError(f"the page {path} was not written: {problem_of(error)}; name another file") from error
