"""Parts of docs/servers.md that answer: which server and front for which situation."""

from collections.abc import Callable
from typing import NamedTuple

from uploadlab.analysis.server_facts import ServerFacts
from uploadlab.declared.compose import load_deployments
from uploadlab.model.deployments import GROUPS
from uploadlab.pages.part import kept_cells, page_part, untitled
from uploadlab.pages.servers import known_servers
from uploadlab.paths import COMPOSE
from uploadlab.paths import REFERENCE as KEPT
from uploadlab.presenting.figures import NO_FIGURE, hundredths, mib
from uploadlab.units import GIB

DEVELOPMENT = "flask"
"""Flask's own server: its documentation says not to use it in production."""
OFFLOAD = "nginx-offload"
"""It needs a handler of its own, so it has a line of its own."""
LEAST_PATIENCE = 20.0
"""Seconds of silence that a phone needs when it changes its network."""
MOST_NAMES = 3
SERVERS, FRONTS = ("core", "servers"), ("fronts",)
"""Groups of deployments."""
FORMS = "own-app-flask-form"
"""The kept run of an app that reads ``request.files``, behind each server."""
HAND_OVER = "findings.md#the-hand-over-nginx-stores-the-app-renames"
Holds = Callable[[ServerFacts], bool]


def _cpu(facts: ServerFacts) -> float | None:
    return facts.cpu_seconds_per_gb


def _cpu_text(seconds: float) -> str:
    return f"{hundredths(seconds)} CPU s/GB"


class Situation(NamedTuple):
    """What a reader has, and what a server must do for it."""

    text: str
    must: str
    holds: Holds
    order: Callable[[ServerFacts], float | None] = _cpu
    """Deployments with the least of this value come first."""
    write: Callable[[float], str] = _cpu_text
    groups: tuple[str, ...] = GROUPS
    """Where it looks for deployments."""


def is_faultless(facts: ServerFacts) -> bool:
    """Return whether a server stores every body, keeps no cut body, and hands an early refusal on."""
    is_large = (facts.most_bytes or 0) >= GIB and facts.refused_bytes is None
    return bool(
        facts.chunked == "kept"
        and facts.cut_noticed
        and facts.cut_chunks_noticed
        and facts.refusal_seen
        and is_large
    )


def serves_others(facts: ServerFacts) -> bool:
    """Return whether slow clients do not stop it."""
    return facts.slow_clients is not None and not facts.slow_clients.stopped_by


def ends_silence(facts: ServerFacts) -> bool:
    """Return whether it ends the connection of a client that is silent in mid-body."""
    return facts.body_silence is not None and facts.body_silence.seconds is not None


def is_patient(facts: ServerFacts) -> bool:
    """Return whether it waits for a client that is silent for a while, and for one that is slow all along."""
    silence, duration = facts.body_silence, facts.duration
    waits = silence is not None and (silence.seconds is None or silence.seconds >= LEAST_PATIENCE)
    return waits and duration is not None and duration.seconds is None


def _robust(facts: ServerFacts) -> bool:
    return is_faultless(facts) and serves_others(facts) and facts.name != OFFLOAD


def _form_cpu(facts: ServerFacts) -> float | None:
    cells = kept_cells(FORMS) if (KEPT / FORMS).exists() else []
    known = [cell.cpu_seconds_per_gb for cell in cells if cell.deployment == facts.name]
    return known[0] if known else None


LOSE_NOTHING = "lose nothing, serve others beside slow clients"
SITUATIONS = (
    Situation(
        "clients you do not know",
        "lose nothing, refuse malformed bodies, end silent connections, serve others beside slow clients",
        lambda facts: _robust(facts) and ends_silence(facts) and bool(facts.malformed_refused),
    ),
    Situation(
        "slow mobile clients",
        "lose nothing, serve others beside slow clients, and end a silent connection, but only after "
        f"{LEAST_PATIENCE:.0f} s",
        lambda facts: _robust(facts) and ends_silence(facts) and is_patient(facts),
    ),
    Situation(
        "few workers, many slow clients",
        "take the whole body to disk before it calls the app",
        lambda facts: _robust(facts) and facts.waits == "disk",
    ),
    Situation(
        "browser forms (`request.files`)",
        "lose nothing; CPU seconds are those of a form",
        _robust,
        _form_cpu,
        groups=SERVERS,
    ),
    Situation(
        "chunked bodies: a pipe, a generator",
        "store chunked bodies, drop those that were cut, pass bytes on at once",
        lambda facts: _robust(facts) and facts.waits == "streamed",
    ),
    Situation(
        "progress, or resumable uploads",
        "give the app bytes while the client sends",
        lambda facts: _robust(facts) and facts.waits == "streamed",
    ),
    Situation(
        "large files behind TLS",
        "lose nothing over TLS",
        lambda facts: _robust(facts) and _has_tls(facts),
        groups=FRONTS,
    ),
    Situation(
        "a front without TLS",
        LOSE_NOTHING,
        lambda facts: _robust(facts) and not _has_tls(facts),
        groups=FRONTS,
    ),
    Situation(
        "your own nginx, and a handler that may change",
        f"store the body in nginx; [the app renames the file]({HAND_OVER})",
        lambda facts: facts.name == OFFLOAD,
    ),
    Situation("as little CPU as possible", LOSE_NOTHING, _robust),
    Situation(
        "as little memory as possible",
        LOSE_NOTHING,
        _robust,
        lambda facts: facts.memory_bytes,
        lambda size: mib(int(size)),
    ),
)


def _has_tls(facts: ServerFacts) -> bool:
    return load_deployments(COMPOSE)[facts.name].tls


@page_part
def server_choices() -> str:
    """Return a line for each situation: what a server must do there, and the deployments that do it."""
    rows = [[situation.text, situation.must, _names(situation)] for situation in SITUATIONS]
    return untitled(["you have", "the server must", "choose, the cheapest first"], rows)


def _names(situation: Situation) -> str:
    texts = [
        f"`{facts.name}` ({situation.write(situation.order(facts) or 0.0)})" for facts in best_for(situation)
    ]
    return ", ".join(texts[:MOST_NAMES]) or NO_FIGURE


def best_for(situation: Situation) -> list[ServerFacts]:
    """Return the deployments of the kept runs for a situation, the cheapest first."""
    fit = [
        (value, facts)
        for facts, group in known_servers()
        if facts.name != DEVELOPMENT
        and group in situation.groups
        and situation.holds(facts)
        and (value := situation.order(facts)) is not None
    ]
    return [facts for _, facts in sorted(fit, key=lambda pair: pair[0])]


@page_part
def first_choice() -> str:
    """Return the server to begin with, the front to begin with, and why."""
    sound = Situation("", "", lambda facts: _robust(facts) and ends_silence(facts))
    servers, fronts = (best_for(sound._replace(groups=groups)) for groups in (SERVERS, FRONTS))
    strict = [facts for facts in servers if facts.malformed_refused]
    plain = [facts for facts in fronts if not _has_tls(facts)]
    tls = [facts for facts in fronts if _has_tls(facts)]
    if not (strict and plain and tls):
        return "No deployment of the kept runs passes all checks.\n"
    return (
        f"**If in doubt, choose `{strict[0].name}`.** If a front must stand before your server, take "
        f"`{plain[0].name}`, or `{tls[0].name}` for TLS. They store whole bodies only, show refusals, end "
        f"silent connections and serve others beside slow clients, as {len(servers) + len(fronts)} of "
        f"{len(known_servers())} deployments do. `{strict[0].name}` refuses every malformed body, too. Each "
        "needs the least CPU of its kind.\n"
    )
