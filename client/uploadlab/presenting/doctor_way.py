"""An upload's way from the client to the app, with the findings at the hop that causes each. Pure."""

from collections.abc import Sequence

from uploadlab.model.diagnoses import Diagnosis, Finding, Weight
from uploadlab.plain_text import plain
from uploadlab.presenting.document import Hop, Mark

CLIENT, NETWORK, APP = "client", "network", "your app"
AT_NETWORK = ("link", "tls")
"""Hops of causes that lie between client and server."""
LONGEST_NAME, MOST_HOPS = 40, 6
FRAMEWORKS = ("flask", "werkzeug", "django", "fastapi", "starlette")
"""What identifies itself so is the app, not a hop before it."""
FRONTS = ("nginx", "caddy", "haproxy", "apache", "envoy")
"""What usually stands before a server that runs the app: a front that only a finding names goes first."""
MARKS = {Weight.LOSS: "lost", Weight.PROBLEM: "problem", Weight.NOTE: ""}


def way_of(diagnosis: Diagnosis) -> list[Hop]:
    """Return the hops in order; those that only a finding names are marked as not seen."""
    hops = [plain(name, LONGEST_NAME) for name in diagnosis.hops[:MOST_HOPS]]
    frameworks = [name for name in hops if name.lower().startswith(FRAMEWORKS)]
    app = f"{APP} ({', '.join(frameworks)})" if frameworks else APP
    names = [CLIENT, *(name for name in hops if name not in frameworks), app]
    seen, marks = (
        set(names),
        [(finding, _mark(n, finding)) for n, finding in enumerate(diagnosis.findings, 1)],
    )
    for finding, _ in marks:
        hop = _hop(finding)
        if _place(names, hop) is None:
            names.insert(_new_place(names, hop), hop)
    return [
        Hop(
            name,
            [mark for finding, mark in marks if names[_place(names, _hop(finding)) or 0] == name],
            name in seen or name == NETWORK,
        )
        for name in names
    ]


def way_words(diagnosis: Diagnosis) -> str:
    """Return ``client > nginx 1.22.1 > your app``: what identified itself."""
    return " > ".join(hop.name for hop in way_of(diagnosis) if hop.is_seen and hop.name != NETWORK)


def finding_id(number: int) -> str:
    """Return the id of the section that explains a finding."""
    return f"finding-{number}"


def _mark(number: int, finding: Finding) -> Mark:
    setting = finding.cause.partition(".")[2]
    words = f"{finding.weight} {number}: {plain(setting, LONGEST_NAME)} ({finding.confidence})"
    return Mark(words, finding_id(number), MARKS[finding.weight])


def _hop(finding: Finding) -> str:
    hop = finding.cause.partition(".")[0]
    return NETWORK if hop in AT_NETWORK else plain(hop, LONGEST_NAME)


def _is_of(hop: str, name: str) -> bool:
    """Return whether a hop as it identified itself is that of a cause: ``uWSGI 2.0`` is ``uwsgi``."""
    return name.lower().startswith(hop) or (hop == "app" and name.startswith(APP))


def _place(names: Sequence[str], hop: str) -> int | None:
    return next((number for number, name in enumerate(names) if _is_of(hop, name)), None)


def _new_place(names: Sequence[str], hop: str) -> int:
    """Return where a hop goes that did not identify itself."""
    if hop == NETWORK:
        return 1
    after = [number for number, name in enumerate(names) if name in (CLIENT, NETWORK)]
    return after[-1] + 1 if hop in FRONTS else len(names) - 1
