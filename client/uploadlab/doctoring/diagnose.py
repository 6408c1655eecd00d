"""What was seen becomes findings: a rule looks at the whole examination, and knows no other rule."""

from collections.abc import Sequence

from uploadlab.model.diagnoses import Diagnosis
from uploadlab.model.exchanges import Examination


def diagnose(seen: Examination) -> Diagnosis:
    """Return what an examination shows."""
    return Diagnosis(subject=seen.url, left=seen.left)


def joined(diagnoses: Sequence[Diagnosis]) -> Diagnosis:
    """Return one diagnosis of several."""
    return diagnoses[0]
