"""What the doctor prints of a kept examination, as its page shows it."""

import msgspec

from uploadlab.doctoring.causes import load_causes
from uploadlab.doctoring.diagnose import diagnose
from uploadlab.model.exchanges import Examination
from uploadlab.pages.answer import COLUMNS
from uploadlab.pages.part import page_part
from uploadlab.paths import REFERENCE
from uploadlab.presenting.doctor import doctor_document
from uploadlab.presenting.terminal_sections import opening_lines, section_lines


@page_part
def doctor_answer(name: str) -> str:
    """Return how the answer begins in a terminal of 80 columns: to the end of the first finding."""
    text = (REFERENCE / f"{name}.json").read_bytes()
    seen = msgspec.json.decode(text, type=Examination)
    document = doctor_document(diagnose(seen), seen, load_causes())
    lines = [*opening_lines(document, COLUMNS), *section_lines(document.sections[0], COLUMNS)]
    return "\n".join(["```", *(line.plain.rstrip() for line in lines), "...", "```", ""])
