"""The part of docs/links.md that answers: which server ends a slow upload, and after how long."""

from collections.abc import Sequence

from uploadlab.analysis.server_facts import ServerFacts
from uploadlab.catalogue.cases_limits import LADDER_SECONDS
from uploadlab.model.checks import Check
from uploadlab.pages.part import page_part, untitled
from uploadlab.pages.servers import known_servers

SAME_LIMIT = 1.1
"""Up to this ratio, two times are of the same limit: servers look at their timers now and then."""
KINDS = {
    "body_silence": "is silent in mid-body",
    "duration": "sends a little each second",
    "head_silence": "is silent within the headers",
}
"""What a client does, by the field of ServerFacts that has the time."""


@page_part
def slow_upload_limits() -> str:
    """Return a line for each way to be slow and each time after which servers end it."""
    facts = [facts for facts, _ in known_servers()]
    rows = [row for field in KINDS for row in _rows(field, facts)]
    return untitled(["the client", "ended after", "by"], rows)


def _rows(field: str, facts: Sequence[ServerFacts]) -> list[list[str]]:
    checks: list[Check] = [check for known in facts if (check := getattr(known, field)) is not None]
    ended = sorted((check.seconds, check.deployment) for check in checks if check.seconds is not None)
    patient = [check.deployment for check in checks if check.seconds is None]
    groups: list[list[tuple[float, str]]] = []
    for seconds, name in ended:
        if groups and seconds <= SAME_LIMIT * groups[-1][0][0]:
            groups[-1].append((seconds, name))
        else:
            groups.append([(seconds, name)])
    order = [known.name for known in facts]
    rows = [[_span(group), _quoted(sorted((name for _, name in group), key=order.index))] for group in groups]
    if patient:
        all_others = f"all other {len(patient)}" if len(patient) > len(ended) else _quoted(patient)
        rows.append([f"not within {LADDER_SECONDS} s", all_others])
    return [["" if number else KINDS[field], *row] for number, row in enumerate(rows)]


def _span(group: Sequence[tuple[float, str]]) -> str:
    low, high = f"{group[0][0]:.0f}", f"{group[-1][0]:.0f}"
    return f"{low} s" if low == high else f"{low} to {high} s"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
