"""Parts of docs/findings.md: what an upload came to, with all deployments or clients it happened at."""

from collections.abc import Callable, Sequence

from uploadlab.analysis.grid import latest
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.declared.compose import load_deployments
from uploadlab.model.checks import Check, Verdict
from uploadlab.pages.clients import known_clients
from uploadlab.pages.part import kept, page_part, untitled
from uploadlab.paths import COMPOSE
from uploadlab.presenting.figures import NO_FIGURE, grouped

ALL_SERVERS, SLOW_CLIENTS = "check-servers", "slow-clients-servers"
"""The kept checks of all groups."""
STORED, REFUSED = "stored whole", "refused, nothing stored"
LOST = "**lost: a success, and bytes are missing**"
OTHER = "not stored, and not refused clearly"
NOTICED, NO_REASON = "nothing is stored", "nothing is stored; a client that still listens gets no reason"
KEPT_PART = "**a file is kept as if it were whole**"
SILENT = {
    "crowd-idle": "have sent no byte",
    "crowd-stalled": "have sent 3 bytes of a body, then nothing",
    "crowd-slow-header": "send a byte of their head each second",
}
"""What the clients of a crowd do, by case."""
NO_ANSWER = "no answer"


@page_part
def chunked_outcomes() -> str:
    """Return what each deployment does with a whole body in chunks."""
    return _by_outcome("a chunked body is", "chunked", _end_of_whole_body)


@page_part
def cut_outcomes() -> str:
    """Return what each deployment does with a chunked body that its client cuts."""
    return _by_outcome("after the cut", "cut-chunks", _end_of_cut_body)


@page_part
def long_head_outcomes() -> str:
    """Return how many deployments take each long head, and what the others answer."""
    rows = []
    for label, those in grouped((row.label, row) for row in _rows(ALL_SERVERS, "long-heads")).items():
        places = grouped((row.deployment, row) for row in those)
        bad = {name: of_it for name, of_it in places.items() if _failed(of_it)}
        answers = grouped((_answer(of_it), name) for name, of_it in bad.items())
        texts = [f"{answer}: {_names(answers[answer])}" for answer in sorted(answers)]
        rows.append([label, f"{len(places) - len(bad)} of {len(places)}", "; ".join(texts) or NO_FIGURE])
    return untitled(["head", "stored by", "others"], rows)


@page_part
def silent_client_outcomes() -> str:
    """Return which deployments let an upload wait for clients that send little or nothing."""
    rows = []
    for case, words in SILENT.items():
        places = grouped((row.deployment, row) for row in _rows(ALL_SERVERS, case))
        late = [name for name, of_it in places.items() if _failed(of_it)]
        (crowd,) = {row.label for of_it in places.values() for row in of_it}
        rows.append([f"{crowd} that {words}", f"{len(late)} of {len(places)}", _names(late)])
    slow = _rows(SLOW_CLIENTS, "slow-clients")
    stopped = {row.deployment: row.stopped_by for row in slow if row.stopped_by}
    names = [f"`{name}` ({stopped[name]})" for name in sorted(stopped, key=lambda name: stopped[name])]
    words = "clients that send 1,000 bytes of a body each second (in brackets: how many are enough)"
    rows.append([words, f"{len(stopped)} of {len(slow)}", ", ".join(names) or NO_FIGURE])
    return untitled(["beside", "an upload waits at", "deployments"], rows)


@page_part
def client_losses() -> str:
    """Return which clients report success for a file that the server does not have."""
    rows = []
    for case, about in CLIENT_CASES.items():
        found = [known.findings[case] for known in known_clients().facts if case in known.findings]
        lost = [finding for finding in found if finding.verdict is Verdict.LOSS]
        if lost:
            uploads = [row for finding in lost for row in finding.worst]
            least = min(uploads, key=lambda row: row.stored_bytes or 0)
            stored = f"{least.stored_bytes or 0:,} of {least.sent_bytes:,} bytes"
            names = _names([finding.client for finding in lost])
            rows.append([about.description, f"{len(lost)} of {len(found)}", names, stored])
    header = ["what the server does", "clients that report success", "which", "the least that was stored"]
    return untitled(header, rows)


def _rows(name: str, case: str) -> list[Check]:
    """Return the attempts of a case, by deployments in their declared order; raise ValueError for none."""
    rows = [row for row in latest(kept(name).checks) if row.case == case]
    rows = [row for row in rows if row.verdict not in (Verdict.UNAVAILABLE, Verdict.UNKNOWN)]
    if not rows:
        raise ValueError(f"case {case} is not in {name}")
    declared = list(load_deployments(COMPOSE))
    return sorted(rows, key=lambda row: declared.index(row.deployment))


def _by_outcome(title: str, case: str, outcome_of: Callable[[Sequence[Check]], str]) -> str:
    """Return a line for each outcome, with the deployments that have it."""
    places = grouped((row.deployment, row) for row in _rows(ALL_SERVERS, case))
    groups = grouped((outcome_of(rows), name) for name, rows in places.items())
    worst_first = sorted(groups.items(), key=lambda group: (not group[0].startswith("**"), len(group[1])))
    lines = [[text, str(len(those)), _names(those)] for text, those in worst_first]
    return untitled([title, "deployments", "which"], lines)


def _end_of_whole_body(rows: Sequence[Check]) -> str:
    if any(row.verdict is Verdict.LOSS for row in rows):
        return LOST
    if _failed(rows):
        return OTHER
    return STORED if any(row.stored_bytes for row in rows) else REFUSED


def _end_of_cut_body(rows: Sequence[Check]) -> str:
    if any(row.verdict is Verdict.LOSS or row.code.endswith("but-stored") for row in rows):
        return KEPT_PART
    return NO_REASON if _failed(rows) else NOTICED


def _failed(rows: Sequence[Check]) -> list[Check]:
    return [row for row in rows if row.verdict is not Verdict.PASS]


def _answer(rows: Sequence[Check]) -> str:
    """Return the status that the first failed attempt ended with."""
    status = _failed(rows)[0].http_status
    return NO_ANSWER if status is None else str(status)


def _names(deployments: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in deployments) or NO_FIGURE
