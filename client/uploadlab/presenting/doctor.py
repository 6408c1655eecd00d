"""What the doctor has found as a document: the answer, each finding with its evidence and fix, and the rest.

Pure: causes come in as values, nothing is read or printed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from uploadlab.model.diagnoses import Alternative, Diagnosis, Finding, KnownCause, Weight
from uploadlab.model.exchanges import Examination, Stop
from uploadlab.plain_text import plain
from uploadlab.presenting.doctor_next import next_questions
from uploadlab.presenting.doctor_requests import request_section
from uploadlab.presenting.doctor_way import finding_id, way_of, way_words
from uploadlab.presenting.doctor_words import in_words
from uploadlab.presenting.document import Document, Section, Statement
from uploadlab.presenting.figures import counted, few
from uploadlab.units import format_seconds, format_size

TONES = {Weight.LOSS: "bad", Weight.PROBLEM: "warn", Weight.NOTE: ""}
PLURALS = {Weight.LOSS: "losses", Weight.PROBLEM: "problems", Weight.NOTE: "notes"}
HOPS = {"app": "your app", "link": "the line", "tls": "TLS"}
"""What people say for hops that are no program."""
LONGEST_SUBJECT = 60
"""Letters of the title's address; the facts have the whole."""
LONGEST_SYMPTOM, LONGEST_SETTING = 110, 60
"""Letters in the list of findings, so that the cause stays on its line."""
MOST_EVIDENCE = 8
MARKER = "upload-lab-"
"""How the names of the lab's uploads begin."""
REMOVAL = f"find . -name '{MARKER}*' -delete"


def doctor_document(
    diagnosis: Diagnosis, examination: Examination | None, causes: Mapping[str, KnownCause]
) -> Document:
    """Return what a diagnosis shows; ``examination`` is None for that of configs or logs.

    ``causes`` has what is known of each cause by its id. A cause that is missing is named by its id alone.
    """
    diagnosis = in_words(diagnosis)
    examination = in_words(examination) if examination else None
    findings = diagnosis.findings
    return Document(
        title=_title(diagnosis, examination),
        facts=_facts(diagnosis, examination),
        notices=_notices(examination),
        answer=[_in_short(number, finding) for number, finding in enumerate(findings, 1)],
        commands=next_questions(diagnosis, examination),
        pictures=[],
        sections=[
            *(_explained(number, finding, causes) for number, finding in enumerate(findings, 1)),
            *_rest(diagnosis, examination),
        ],
        deployments={},
        methods=[],
        sizes=[],
        figures=[],
        hops=way_of(diagnosis) if examination or diagnosis.hops else [],
        origin="one examination by the doctor" if examination else "the files that were read",
    )


def setting_words(cause_id: str) -> str:
    """Return a cause as people say it: ``nginx, client_max_body_size``; the app's is ``your app, ...``."""
    hop, _, setting = cause_id.partition(".")
    return ", ".join(filter(None, [HOPS.get(hop, hop), setting]))


def _title(diagnosis: Diagnosis, examination: Examination | None) -> str:
    subject = _short_subject(diagnosis.subject)
    weights = [finding.weight for finding in diagnosis.findings]
    counts = [
        f"1 {weight}" if weights.count(weight) == 1 else f"{weights.count(weight)} {PLURALS[weight]}"
        for weight in Weight
        if weight in weights
    ]
    there = f"at {subject}" if examination else f"in {subject}"
    if set(weights) - {Weight.NOTE}:
        return f"{few(counts)} {there}"
    if examination and not any(exchange.is_success for exchange in examination.exchanges):
        return f"{subject} could not be examined"
    return "; ".join([f"No fault found {there}", *counts])


def _short_subject(subject: str) -> str:
    """Return an address, or the names of files without their folders, for a title."""
    if len(subject) > LONGEST_SUBJECT and "://" not in subject:
        subject = few(name.rpartition("/")[2] for name in subject.split(", "))
    return plain(subject, LONGEST_SUBJECT)


def _facts(diagnosis: Diagnosis, examination: Examination | None) -> list[str]:
    """Return when it was examined, what that cost, and the way."""
    facts = []
    if examination:
        began, exchanges = examination.started_at, examination.exchanges
        sent = sum(exchange.sent_bytes + exchange.head_bytes for exchange in exchanges)
        ends = [exchange.began + (exchange.seconds or 0.0) for exchange in exchanges]
        seconds = max(ends) - min(exchange.began for exchange in exchanges) if exchanges else 0.0
        spent = f"{counted(len(exchanges), 'request')}, {format_size(sent)} sent in {format_seconds(seconds)}"
        far_end = f"far end at {examination.far_end}" if examination.far_end else "without the far end"
        facts += [f"{began[:10]} {began[11:16]} UTC: {spent}", far_end]
    facts += [way_words(diagnosis)] if diagnosis.hops else []
    return facts + ([diagnosis.subject] if len(diagnosis.subject) > LONGEST_SUBJECT else [])


def _notices(examination: Examination | None) -> list[str]:
    """Return why there is no far end although one was named, and why the examination ended early."""
    if not examination:
        return []
    notices = [examination.skipped["first"]] if "first" in examination.skipped else []
    if examination.stop is not Stop.COMPLETE:
        reason = f": {examination.why}" if examination.why else ""
        notices.append(f"Not complete ({examination.stop}){reason}")
    return notices


def _in_short(number: int, finding: Finding) -> Statement:
    place = f"{finding.place.rpartition('/')[2]}: " if finding.place else ""
    text = f"{plain(place + finding.symptom, LONGEST_SYMPTOM)}: {_most_likely(finding)}"
    return Statement(_head(number, finding), text, TONES[finding.weight], rank=number)


def _head(number: int, finding: Finding) -> str:
    return f"{finding.weight.capitalize()} {number}"


def _most_likely(finding: Finding) -> str:
    return f"{plain(setting_words(finding.cause), LONGEST_SETTING)} ({finding.confidence})"


def _explained(number: int, finding: Finding, causes: Mapping[str, KnownCause]) -> Section:
    """Return a finding in full, with its fix to paste."""
    cause = causes.get(finding.cause)
    fix = finding.fix or (cause.fix if cause else "")
    block = cause.where if cause else ""
    config = "" if finding.is_logged else finding.place
    where = f"{config} ({block})" if config and block else config or block
    statements = [
        *([Statement("Where", finding.place)] if finding.place else []),
        Statement("Most likely", _most_likely(finding)),
        *([Statement("", _says(cause))] if cause else []),
        *_headed("Seen", finding.evidence[:MOST_EVIDENCE]),
        *_headed("Or", map(_alternative, finding.others)),
        *_headed("Same limit", [*finding.matches, *["a match proves nothing"] * bool(finding.matches)]),
        *_headed("Why", _reasons(cause)),
    ]
    return Section(
        finding_id(number),
        f"{_head(number, finding)}: {finding.symptom}",
        statements=statements,
        texts={f"Fix, in {where}" if where else "Fix": fix} if fix else {},
        tone=TONES[finding.weight] or "note",
        is_open=True,
    )


def _says(cause: KnownCause) -> str:
    default = f" (default: {cause.default})" if cause.default else ""
    return f"{cause.says}{default}"


def _alternative(other: Alternative) -> str:
    return f"{setting_words(other.cause)}; to test: {other.test}"


def _reasons(cause: KnownCause | None) -> list[str]:
    """Return where the cause is explained: the lab's page, then the documentation."""
    if not cause:
        return []
    read = f" (read {cause.checked})" if cause.checked and cause.source else ""
    page = f"docs/{cause.finding}" if cause.finding else ""
    return [text for text in (page, f"{cause.source}{read}") if text]


def _headed(head: str, texts: Sequence[str] | Iterator[str]) -> list[Statement]:
    """Return a sentence each, the first with the head."""
    return [Statement("" if number else head, text) for number, text in enumerate(texts)]


def _rest(diagnosis: Diagnosis, examination: Examination | None) -> list[Section]:
    """Return what works, what is not known, and what must be removed."""
    # What stands at the top already is not repeated.
    ends = [notice.rpartition("): ")[2] for notice in _notices(examination)]
    unasked = [text for text in diagnosis.unasked if not any(map(text.endswith, ends))]
    left = diagnosis.left or (examination.left if examination else [])
    sections = [
        Section("works", "What works, and what was measured", notes=diagnosis.facts, is_open=True),
        Section("unknown", "What is not known, and why", notes=unasked, is_open=True),
        _left(left, examination),
    ]
    requests = [request_section(examination)] if examination and examination.exchanges else []
    return [section for section in [*sections, *requests] if not section.is_empty]


def _left(names: Sequence[str], examination: Examination | None) -> Section:
    """Return the names of uploads that may still be on the server, and how to remove them."""
    if not names:
        return Section("left", "")
    title = f"{counted(len(names), 'upload')} may still be on the server"
    has_pattern = all(name.startswith(MARKER) for name in names)
    return Section(
        "left",
        title,
        statements=[Statement("Names", few(names, 6)), *_sent_when(examination)],
        texts={"To remove them, in the server's folder of uploads": REMOVAL} if has_pattern else {},
        is_open=True,
    )


def _sent_when(examination: Examination | None) -> list[Statement]:
    """Return by what else uploads are found where the app names files itself."""
    exchanges = examination.exchanges if examination else []
    accepted = [exchange.began for exchange in exchanges if exchange.is_success]
    if not accepted:
        return []
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (min(accepted), max(accepted)))
    until = f" to {last:%H:%M:%S}" if last - first >= timedelta(seconds=1) else ""
    span = f"{'from' if until else 'at'} {first:%Y-%m-%d %H:%M:%S}{until} UTC"
    return [Statement("Sent", f"{span}; if your app names files itself, find them by this time")]
