"""What all languages have in common: where a value comes from, and the finding that it makes."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import convert
from msgspec.structs import asdict, replace

from uploadlab.doctoring.causes import cause_of
from uploadlab.model.diagnoses import Alternative, Confidence, Finding, Weight
from uploadlab.plain_text import plain
from uploadlab.units import format_seconds, format_size

LONG_ENOUGH = {"size": 100_000_000, "head": 4000, "silence": 10, "duration": 300, "answer": 30}
"""Bytes or seconds: a smaller limit ends ordinary uploads.

A phone that changes its network is silent for some seconds; 100 MB by a slow line take minutes.
"""
MB = 1_000_000
FAR = {"size": 5_000_000_000, "head": 32_768, "silence": 60, "duration": 3600, "answer": 300}
"""Bytes or seconds from which on a limit meets hardly any upload."""
NO_LIMIT_BYTES = 10**12
MINUTES = 180
"""Seconds from which on minutes are easier to read."""
MOST_LETTERS = 160
"""Of a line that is shown as evidence."""
SENTENCES = {
    "size": "{hop} refuses every body over {value}",
    "head": "{hop} refuses headers over {value}",
    "silence": "{hop} ends an upload that pauses for {value}",
    "duration": "{hop} ends an upload that takes longer than {value}",
    "answer": "{hop} gives up on an answer that takes longer than {value}",
}
HEAD_TIMES = ("client_header_timeout", "read_header", "timeout http-request")
"""Settings that bound the time of the headers alone."""
HEAD_SENTENCE = "{hop} ends a connection whose headers take longer than {value}"
HOPS = {
    "nginx": "nginx",
    "uwsgi": "uWSGI",
    "caddy": "Caddy",
    "haproxy": "HAProxy",
    "envoy": "Envoy",
    "apache": "Apache",
}
"""How their makers write them; all others as in causes.toml."""


class ConfigFile(NamedTuple):
    """A config as it was given."""

    name: str
    text: str


class FarLimit(Finding, frozen=True, kw_only=True, omit_defaults=True):
    """The finding of a limit that hardly any upload meets, or whose value the file does not say."""


class ReadConfig(NamedTuple):
    """What one language's files say together."""

    findings: list[Finding]
    unread: Sequence[str] = ()
    """Lines that include files which were not given."""


class Said(NamedTuple):
    """Where a value comes from: a line, or a default because a line is missing."""

    place: str
    evidence: tuple[str, ...]
    confidence: Confidence = Confidence.PROVEN


def said_at(file: str, line: int, text: str) -> Said:
    """Return the source of a value that stands in a line."""
    return Said(f"{file}:{line}", (f"line {line} of {file}: {plain(' '.join(text.split()), MOST_LETTERS)}",))


def by_default(file: str, setting: str, default: str, where: str = "", unread: Sequence[str] = ()) -> Said:
    """Return the source of a default; with included files that nobody has given, another line may set it."""
    for_whom = f" for {where}" if where else ""
    sentence = f"no line of {file} sets {setting}{for_whom}, so the default {default} applies"
    if unread:
        return Said(file, (sentence, f"a file that was not given may set it: {unread[0]}"), Confidence.LIKELY)
    return Said(file, (sentence,))


def finding_of(
    cause: str,
    symptom: str,
    weight: Weight,
    said: Said,
    fix: str = "",
    others: Sequence[Alternative] = (),
) -> Finding:
    """Return a finding of a config; raise KeyError for a cause that is not declared."""
    return Finding(
        symptom=symptom,
        weight=weight,
        cause=cause_of(cause).id,
        confidence=said.confidence,
        evidence=list(said.evidence),
        others=list(others),
        fix=fix,
        place=said.place,
    )


def limit_found(
    cause: str, value: float | None, written: str, said: Said, effect: str = ""
) -> Finding | None:
    """Return the finding of a limit, in bytes or seconds; None if it limits nothing.

    A value that is no number, such as a variable, is shown as it is written.
    """
    declared = cause_of(cause)
    effect = effect or declared.effect
    if value == 0 or (value is not None and effect == "size" and value >= NO_LIMIT_BYTES):
        return None
    in_bytes = effect in ("size", "head")
    if value is None:
        shown = plain(written, 40)
    else:
        shown = shown_bytes(int(value)) if in_bytes else shown_seconds(value)
    hop = HOPS.get(declared.hop, declared.hop)
    sentence = HEAD_SENTENCE if declared.setting in HEAD_TIMES else SENTENCES[effect]
    symptom = sentence.format(hop=hop, value=shown)
    finding = finding_of(cause, symptom, weight_of(effect, value), said)
    is_far = value is None or value >= FAR.get(effect, value + 1)
    return convert(asdict(finding), FarLimit) if is_far else finding


def as_note(finding: Finding, why: str) -> Finding:
    """Return the finding as a note, with the reason."""
    return replace(finding, weight=Weight.NOTE, evidence=[*finding.evidence, why])


def weight_of(effect: str, value: float | None) -> Weight:
    """Return how much a limit in bytes or seconds matters; a value that is not known is a note."""
    if value is None:
        return Weight.NOTE
    return Weight.PROBLEM if value < LONG_ENOUGH.get(effect, 0) else Weight.NOTE


def shown_bytes(size_bytes: int) -> str:
    """Return ``50 MB`` where that is exact, else as everywhere: ``8 MiB``."""
    return f"{size_bytes // MB} MB" if size_bytes and size_bytes % MB == 0 else format_size(size_bytes)


def shown_seconds(seconds: float) -> str:
    """Return ``0.5 s``, ``60 s``, ``5 min``, ``1 h`` or ``3 min 05 s``."""
    if seconds < MINUTES:
        return f"{seconds:g} s"
    for name, factor in (("h", 3600), ("min", 60)):
        if seconds % factor == 0:
            return f"{seconds / factor:g} {name}"
    return format_seconds(seconds)
