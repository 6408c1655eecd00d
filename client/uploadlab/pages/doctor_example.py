"""What the doctor asks, and what it prints of a kept examination, as its page shows them."""

import msgspec

from uploadlab.doctoring.causes import load_causes
from uploadlab.doctoring.diagnose import diagnose_endpoint
from uploadlab.doctoring.examine import planned
from uploadlab.model.exchanges import Examination
from uploadlab.pages.answer import COLUMNS
from uploadlab.pages.part import page_part, untitled
from uploadlab.paths import REFERENCE
from uploadlab.presenting.doctor import doctor_document
from uploadlab.presenting.terminal_sections import opening_lines, section_lines
from uploadlab.units import format_size


@page_part
def doctor_answer(name: str) -> str:
    """Return how the answer begins in a terminal of 80 columns: to the end of the first finding."""
    seen = msgspec.json.decode((REFERENCE / f"{name}.json").read_bytes(), type=Examination)
    document = doctor_document(diagnose_endpoint(seen), seen, load_causes())
    lines = [*opening_lines(document, COLUMNS), *section_lines(document.sections[0], COLUMNS)]
    return "\n".join(["```", *(line.plain.rstrip() for line in lines), "...", "```", ""])


@page_part
def doctor_questions() -> str:
    """Return each question in its order, with the most that it sends."""
    header = ["question", "what it finds out", "requests", "bytes of bodies"]
    rows = [
        [f"`{asked.name}`", asked.title, str(asked.requests), format_size(asked.size_bytes)]
        for asked in planned()
    ]
    return untitled(header, rows)
