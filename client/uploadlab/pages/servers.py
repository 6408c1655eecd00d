"""Parts of docs/servers.md: what each server and front does with large bodies, one line each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from uploadlab.analysis.grid import latest
from uploadlab.analysis.server_facts import ServerFacts, server_facts
from uploadlab.catalogue.cases_limits import LADDER_SECONDS, MOST_SLOW_CLIENTS, STREAMED_SECONDS
from uploadlab.declared.compose import load_deployments
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import REFERENCE
from uploadlab.pages.part import kept, kept_cells, page_part, untitled, where_measured
from uploadlab.paths import COMPOSE, REPRODUCTIONS
from uploadlab.paths import REFERENCE as KEPT
from uploadlab.presenting.figures import counted, hundredths, mib, percent
from uploadlab.units import format_size

NOT_MEASURED = "not measured"
RUN = "servers"
CHECKS = ("check-servers", "limits-servers", "slow-clients-servers")
"""The kept runs: of plan ``servers``, and checks of all groups."""
HEADER = [
    "deployment", "version", "chunked body", "cut body noticed", "cut chunked body noticed",
    "early refusal seen", "largest body", "silence in the head", "silence in the body", "slow upload",
    "slow clients that stop it", "body waits", "memory for 1 GiB", "share of the ceiling", "CPU s/GB",
]  # fmt: skip
ANSWERS = {True: "yes", False: "**no**", None: NOT_MEASURED}
CHUNKED = {"kept": "kept", "refused": "refused", "lost": "**lost**", None: NOT_MEASURED}


@page_part
def servers(kind: str) -> str:
    """Return a line for each server (``servers``) or front (``fronts``) of the kept runs."""
    wanted = [facts for facts, group in known_servers() if (group == "fronts") == (kind == "fronts")]
    if not wanted:
        return "No deployment of this group is in the kept runs.\n"
    return untitled(HEADER, [_line(facts) for facts in wanted])


@page_part
def server_sentences() -> str:
    """Return what the lines below say together, an item for each column."""
    everything = [facts for facts, _ in known_servers()]
    lines = [line for line in _sentences(everything) if line]
    return "".join(f"- {line}\n" for line in lines)


@page_part
def servers_measured() -> str:
    """Return where the kept runs were measured."""
    names = [name for name in (RUN, *CHECKS) if (KEPT / name).exists()]
    return "".join(f"- `{kept(name).run.plan}`: {where_measured(name)}\n" for name in names)


@page_part
def kept_output(name: str) -> str:
    """Return what a script of benchmark/reproductions printed, kept beside it as a text."""
    return f"```text\n{(REPRODUCTIONS / f'{name}.txt').read_text().rstrip()}\n```\n"


@cache
def known_servers() -> list[tuple[ServerFacts, str]]:
    """Return the facts of each deployment that a kept run has, with its group, in their declared order."""
    checks: list[Check] = []
    versions: dict[str, dict[str, str]] = {}
    for name in CHECKS:
        if (KEPT / name).exists():
            checks += latest(kept(name).checks)
            versions |= kept(name).run.versions
    cells = kept_cells(RUN) if (KEPT / RUN).exists() else []
    measured = {row.deployment for row in checks} | {cell.deployment for cell in cells}
    return [
        (
            server_facts(made, versions.get(name, {}), checks, cells, STREAMED_SECONDS),
            made.group,
        )
        for name, made in load_deployments(COMPOSE).items()
        if name in measured and made.tier != REFERENCE
    ]


def _line(facts: ServerFacts) -> list[str]:
    return [
        f"`{facts.name}`",
        ", ".join(f"{name} {number}" for name, number in facts.versions.items()) or NOT_MEASURED,
        CHUNKED.get(facts.chunked) or str(facts.chunked),
        ANSWERS[facts.cut_noticed],
        ANSWERS[facts.cut_chunks_noticed],
        ANSWERS[facts.refusal_seen],
        _largest(facts),
        *(_limit(row) for row in (facts.head_silence, facts.body_silence, facts.duration)),
        _stopped_by(facts.slow_clients),
        facts.waits or NOT_MEASURED,
        _written(facts.memory_bytes, mib),
        _written(facts.share, percent),
        _written(facts.cpu_seconds_per_gb, hundredths),
    ]


def _written(value: Any, write: Callable[[Any], str]) -> str:
    return NOT_MEASURED if value is None else write(value)


def _limit(row: Check | None) -> str:
    return row.text if row else NOT_MEASURED


def _stopped_by(row: Check | None) -> str:
    """Return how many slow clients stop a server, or what else happened."""
    if row is None or row.verdict is not Verdict.PASS:
        return _limit(row)
    return str(row.stopped_by) if row.stopped_by else f"over {MOST_SLOW_CLIENTS}"


def _largest(facts: ServerFacts) -> str:
    """Return the sizes between which the largest body lies."""
    if facts.most_bytes is None:
        return NOT_MEASURED
    over = f"over {format_size(facts.most_bytes)}" if facts.most_bytes else ""
    under = f"at most {format_size(facts.refused_bytes)}" if facts.refused_bytes else ""
    return ", ".join(filter(None, [over, under]))


def _sentences(everything: Sequence[ServerFacts]) -> Iterable[str]:
    """Yield items, each about the deployments for which it was measured; empty where none was."""
    yield _which(
        everything, lambda facts: facts.chunked, lambda value: value == "lost",
        "Lose chunked uploads and answer with success",
    )  # fmt: skip
    yield _which(
        everything, lambda facts: facts.cut_chunks_noticed, lambda value: value is False,
        "Store a chunked body that its client cut, as if it were whole",
    )  # fmt: skip
    yield _which(
        everything, lambda facts: facts.malformed_refused, bool,
        "Store no malformed body: bad chunks, lengths or codings; all others store some",
    )  # fmt: skip
    yield _which(
        everything, lambda facts: facts.refusal_seen, lambda value: value is False,
        "Hide an early refusal from a client that still sends",
    )  # fmt: skip
    tried = max((facts.most_bytes or facts.refused_bytes or 0 for facts in everything), default=0)
    yield _which(
        everything, _has_limit, lambda value: value,
        f"Store no body over {format_size(tried)}",
    )  # fmt: skip
    yield _which(
        everything, lambda facts: facts.waits, lambda value: value != "streamed",
        "Take the whole body before they call the app",
    )  # fmt: skip
    yield _silence([facts.body_silence for facts in everything if facts.body_silence])
    yield _stopped([facts.slow_clients for facts in everything if facts.slow_clients])
    memory = {facts.name: facts.memory_bytes for facts in everything if facts.memory_bytes is not None}
    yield _range("Memory for an upload of 1 GiB", memory, mib)
    cpu = {facts.name: facts.cpu_seconds_per_gb for facts in everything if facts.cpu_seconds_per_gb}
    yield _range("CPU seconds for each GB", cpu, hundredths)


def _range(what: str, values: Mapping[str, float], write: Callable[[Any], str]) -> str:
    """Return the deployments with the smallest and the largest figure; empty where nothing was measured."""
    if not values:
        return ""
    least, most = min(values, key=lambda name: values[name]), max(values, key=lambda name: values[name])
    return f"**{what}**: {write(values[least])} (`{least}`) to {write(values[most])} (`{most}`)."


def _silence(cuts: Sequence[Check]) -> str:
    """Return which server is the first to end the connection of a client that is silent in mid-body."""
    ended = sorted((row.seconds, row.deployment) for row in cuts if row.seconds is not None)
    first = f"`{ended[0][1]}` ends the connection after {ended[0][0]:.0f} s. " if ended else ""
    patient = len(cuts) - len(ended)
    rest = f"{patient} of {counted(len(cuts), 'deployment')} wait over {LADDER_SECONDS} s."
    return f"**Silence in mid-body**: {first}{rest}" if cuts else ""


def _stopped(rows: Sequence[Check]) -> str:
    """Return which servers slow clients stop, those first that the fewest stop."""
    stopped = sorted((row.stopped_by, row.deployment) for row in rows if row.stopped_by)
    names = ", ".join(f"`{name}` ({count})" for count, name in stopped)
    text = f"**Stop at {MOST_SLOW_CLIENTS} slow clients or fewer** ({len(stopped)} of {len(rows)})"
    return f"{text}: {names or 'none'}." if rows else ""


def _has_limit(facts: ServerFacts) -> bool | None:
    return None if facts.most_bytes is None else facts.refused_bytes is not None


def _which(
    everything: Sequence[ServerFacts],
    value_of: Callable[[ServerFacts], Any],
    holds: Callable[[Any], bool],
    text: str,
) -> str:
    """Return ``**TEXT** (2 of 30): a, b.``; empty where nothing was measured."""
    known = [facts for facts in everything if value_of(facts) is not None]
    found = [f"`{facts.name}`" for facts in known if holds(value_of(facts))]
    if not known:
        return ""
    return f"**{text}** ({len(found)} of {len(known)}): {', '.join(found) or 'none'}."
