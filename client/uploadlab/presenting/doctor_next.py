"""What to type after a diagnosis. Pure."""

import shlex

from uploadlab.model.diagnoses import Confidence, Diagnosis, Weight
from uploadlab.model.exchanges import Examination, Stop
from uploadlab.paths import program

PROBE_FILE = "upload_lab_probe.py"
"""The name that the far end's file has in examples."""


def next_questions(diagnosis: Diagnosis, examination: Examination | None) -> dict[str, str]:
    """Return commands by what they do, the most useful first."""
    name = program()
    faults = [finding for finding in diagnosis.findings if finding.weight is not Weight.NOTE]
    if not examination:
        return {"To see what the server itself does": f"{name} doctor https://example.org/upload"}
    if not examination.exchanges:
        return {"To see whether anything answers there": f"curl -v {shlex.quote(examination.url)}"}
    if examination.stop is Stop.UNUSABLE:
        return {"To name a login, a form's field or another method": f"{name} doctor --target-help"}
    again = f"{name} doctor {shlex.quote(examination.url)}"
    if examination.far_end:
        again += f" --probe {shlex.quote(examination.far_end)} --token TOKEN"
    after_the_fix = {"To examine it again after the fix": f"{again} --yes"} if faults else {}
    if examination.far_end or (all(finding.confidence is Confidence.PROVEN for finding in faults) and faults):
        return after_the_fix
    what = "the cause" if faults else "that every byte arrives"
    return {
        f"To prove {what}, mount this file beside your app": f"{name} doctor --print-probe > {PROBE_FILE}",
        **after_the_fix,
    }
