"""A diagnosis as text for other programs, as a page, and what is said before the first request."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec

from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Diagnosis, KnownCause
from uploadlab.model.exchanges import Examination
from uploadlab.presenting.doctor_words import without_secrets
from uploadlab.presenting.document import Document
from uploadlab.presenting.figures import counted
from uploadlab.private_urls import masked
from uploadlab.units import format_seconds

SCHEMA = 1
"""Of the JSON: it grows by one when a field changes its meaning or goes."""
PAGE_NEEDS = ("jinja2", "markupsafe")


def diagnosis_as_json(
    diagnosis: Diagnosis, examination: Examination | None, causes: Mapping[str, KnownCause]
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


def announcement(
    url: str, requests: int, budget_bytes: int, budget_seconds: float, far_end: str = ""
) -> Sequence[str]:
    """Return what will be sent, where to and for how long, as lines: what ``--yes`` agrees to."""
    also = f", and to the far end at {far_end}" if far_end else ""
    return [
        f"The doctor will send uploads to {masked(url)}{also}:",
        f"  at most {counted(requests, 'request')}, one after the other, but once four at the same time",
        f"  at most {budget_bytes / 1e6:.3g} MB in at most {format_seconds(budget_seconds)}",
        "  files named upload-lab-...; the end of the answer lists those that the server keeps",
        "It stops at the first answer 429. Examine only your own server, or one whose owner agreed.",
    ]
