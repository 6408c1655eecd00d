"""What was seen becomes findings: a rule looks at the whole examination, and knows no other rule."""

from collections.abc import Iterable, Sequence

import msgspec

from uploadlab.doctoring.rules import bodies, http2, refusals, sizes, speed, times
from uploadlab.doctoring.rules.bodies import reads_elsewhere
from uploadlab.doctoring.rules.view import RULES, Rule, View
from uploadlab.model.diagnoses import Confidence, Diagnosis, Finding, Weight
from uploadlab.model.exchanges import Examination, Stop
from uploadlab.units import format_seconds, format_size

SUBJECTS = (refusals, bodies, http2, speed, times, sizes)
"""The modules with the rules, in the order in which findings of the same weight stand."""


def diagnose_endpoint(seen: Examination) -> Diagnosis:
    """Return what an examination shows, the worst first."""
    view = View(seen)
    findings = _merged(found for rule in _ordered(RULES) for found in rule(view))
    unasked = [f"{name}: {why}" for name, why in seen.skipped.items()]
    if reads_elsewhere(view):
        unasked.append("what is stored: an empty file is read back with bytes in it; see --stored-json")
    if any(found.is_success for found in view.own("first")) and not seen.as_form:
        unasked.append("forms: the file was sent alone; add --field NAME if your clients send a form")
    if seen.stop is not Stop.COMPLETE:
        unasked.insert(0, f"The examination ended early: {seen.why}")
    return Diagnosis(
        subject=seen.url, hops=view.shown_hops, findings=findings, facts=_facts(view),
        unasked=unasked, left=seen.left,
    )  # fmt: skip


def _ordered(rules: Iterable[Rule]) -> list[Rule]:
    subjects = [module.__name__ for module in SUBJECTS]
    return sorted(rules, key=lambda rule: subjects.index(rule.__module__))


def joined(diagnoses: Sequence[Diagnosis]) -> Diagnosis:
    """Return one diagnosis of several: what a config or a log proves of a cause counts for the URL's, too."""
    first, *more = diagnoses
    if not more:
        return first
    known = {hop.partition(" ")[0].lower() for hop in first.hops}
    others = [hop for said in more for hop in said.hops if hop.partition(" ")[0].lower() not in known]
    return Diagnosis(
        subject=", ".join(said.subject for said in diagnoses),
        hops=list(dict.fromkeys([*first.hops, *others])),
        findings=_merged(found for said in diagnoses for found in said.findings),
        facts=[fact for said in diagnoses for fact in said.facts],
        unasked=[text for said in diagnoses for text in said.unasked],
        left=[name for said in diagnoses for name in said.left],
    )


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return each cause once, the worst first: what another rule has seen of a cause is evidence too."""
    kept: dict[str, Finding] = {}
    for found in sorted(findings, key=_rank):
        first = kept.setdefault(found.cause, found)
        if first is not found:
            more = [found.symptom, *found.evidence]
            kept[found.cause] = msgspec.structs.replace(first, evidence=[*first.evidence, *more])
    return list(kept.values())


def _rank(found: Finding) -> tuple[int, int]:
    """Return the place of a finding; notes stay in the order of their rules."""
    sure = 0 if found.weight is Weight.NOTE else list(Confidence).index(found.confidence)
    return list(Weight).index(found.weight), sure


def _facts(view: View) -> list[str]:
    """Return what works, and what was measured, in sentences."""
    seen = view.seen
    said = []
    if (trip := seen.wire.round_trip_seconds) is not None:
        said.append(
            f"Round trip: {1000 * trip:.1f} ms; {', '.join(seen.wire.versions)}; {seen.wire.tls or 'no TLS'}"
        )
    if large := max((found.body_bytes for found in seen.of("sent") if found.is_success), default=0):
        said.append(f"{format_size(large)} arrive in one upload")
    for question, what in (("silence", "A silence"), ("duration", "An upload"), ("waiting", "A wait")):
        if lasted := next((found for found in seen.of(question) if found.is_success), None):
            said.append(f"{what} of {format_seconds(lasted.seconds or 0)} is not cut")
    return said + http2.http2_facts(view) + speed.speed_facts(view)
