"""An order as the command that the user types, and what to type after a run."""

import shlex
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec

from uploadlab.analysis.cells import Summary, given_up
from uploadlab.analysis.diagnosis import Cause
from uploadlab.analysis.grid import judged, latest
from uploadlab.analysis.link_facts import LinkFacts
from uploadlab.analysis.losses import Loss
from uploadlab.analysis.ranking import Ranking
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.analysis.version_changes import VersionChange, shared_versions
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import EXTERNAL, REFERENCE, Target
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.paths import program
from uploadlab.planning.version_lineup import LOCKED
from uploadlab.presenting.target_words import base_app_words, own_app_words, spec_words
from uploadlab.storage.reader import StoredRun
from uploadlab.units import MIB

ARGUMENTS = ("kind", "configs", "releases")
"""Fields that are words of their own, or follow from another: no options."""
PROOF = "To prove what it stored, give the URL of a stored file (docs/usage.md#your-own-server)"
NOT_OF_CI = ("plan", "within", "minutes")
"""Fields that ``lab ci``, which compares an app with what it was, chooses by itself."""
PERCENT = ("within", "fail_above")


def repeating(run: Run) -> list[str]:
    """Return the words of the command that repeats a run, with its seed and its runtime."""
    order = run.order or Order()
    if order.kind is not Kind.CHECK:
        order = msgspec.structs.replace(order, seed=run.seed)
    runtime = ["--runtime", run.runtime] if order.kind is not Kind.KNOBS else []
    return [*command_words(order), *runtime]


def command_words(order: Order) -> list[str]:
    """Return the words behind ``./scripts/lab`` that give this order."""
    defaults = Order()
    words = ["ci" if order.base_app else str(order.kind), *order.configs]
    left_out = (*ARGUMENTS, *(NOT_OF_CI if order.base_app else ()))
    for field in order.__struct_fields__:
        value = getattr(order, field)
        if field not in left_out and value != getattr(defaults, field):
            words += _option(field, value)
    return words


def _option(field: str, value: Any) -> list[str]:
    name = f"--{field.replace('_', '-')}"
    if field == "targets":
        return [word for target, url in value.items() for word in ("--target", f"{target}={url}")]
    if field == "spec":
        return spec_words(value)
    if field == "app":
        return own_app_words(value)
    if field == "base_app":
        return base_app_words(value)
    if field == "with_packages":
        return [word for text in value for word in ("--with", text)]
    if isinstance(value, bool):
        return [name]
    if isinstance(value, list):
        return [name, ",".join(map(str, value))]
    if isinstance(value, float):
        return [name, f"{100 * value:g}%" if field in PERCENT else f"{value:g}"]
    return [name, str(value)]


def repeating_commands(stored: StoredRun) -> dict[str, str]:
    """Return the commands that repeat or complete a run, by what they do; none if run.json is lost."""
    run = stored.run
    if not run.order:
        return {}
    texts = {"The same again": shlex.join([program(), *repeating(run)])}
    if not run.comparison and (missing := _missing(run, stored.rows)):
        texts[f"What is missing: {missing} uploads"] = shlex.join([program(), "resume", run.id])
    texts["This report"] = shlex.join([program(), "report", run.id])
    return texts


def next_commands(
    stored: StoredRun,
    losses: Sequence[Loss],
    ranking: Ranking | None,
    causes: Sequence[Cause],
    is_busy: bool,
    links: Sequence[LinkFacts] = (),
    changes: Sequence[VersionChange] = (),
) -> dict[str, str]:
    """Return what to type next, the most useful first, by what it does.

    ``is_busy`` says whether the host was too busy with other work for figures to hold; ``changes`` has
    what the sides of a comparison of versions loaded in different versions.
    """
    run = stored.run
    startable = {target.name: target for target in run.targets if target.tier not in (EXTERNAL, REFERENCE)}
    names = list(dict.fromkeys(target.behind for target in startable.values()))
    texts = {}
    missing = 0 if run.comparison else _missing(run, stored.rows)
    if run.order and missing:
        texts[f"To measure the {missing} uploads that are missing"] = ["resume", run.id]
    if is_busy and run.order:
        texts["To measure the same again when the host is quiet"] = repeating(run)
    losing = [startable[loss.deployment].behind for loss in losses if loss.deployment in startable]
    if lost := list(dict.fromkeys(losing)):
        texts["To see every kind of upload that they lose"] = ["check", "--deployments", ",".join(lost)]
    if run.comparison:
        texts |= _of_comparison(run, run.comparison, changes)
    elif fix := _fix(causes, startable):
        texts["To measure the fix"] = fix
    own = next((target for target in run.targets if target.foreign and target.tier == EXTERNAL), None)
    checks = judged(run, stored.checks)
    if own and not run.comparison and not checks:
        names_of_own = {target.name for target in run.targets if target.foreign}
        has_arrived = any(row.deployment in names_of_own and row.status in ACCEPTED for row in stored.rows)
        texts |= _of_own_server(run, own, has_arrived)
    texts |= _of_links(run, links, names)
    if ranking and ranking.slowest.is_clear and not run.comparison:
        texts["To see all figures of the slowest way"] = ["show", run.id, _cell(ranking.slowest.summary)]
    if checks:
        texts |= _of_check(run, checks)
    elif (ranking or links) and names and not run.comparison:
        texts["To see whether broken uploads are refused"] = ["check", "--deployments", ",".join(names)]
    return {what: shlex.join([program(), *words, *_of_own_app(run, words)]) for what, words in texts.items()}


def _of_own_app(run: Run, words: Sequence[str]) -> list[str]:
    """Return what a command needs that is to start the same app as the run did; nothing for the lab's."""
    order = run.order
    if order is None or order.app is None or "--app" in words or words[0] not in (Kind.CHECK, Kind.RUN):
        return []
    return [*_option("app", order.app), *(_option("spec", order.spec) if order.spec else [])]


def _of_check(run: Run, checks: Sequence[Check]) -> dict[str, list[str]]:
    """Return how to show the worst failure without the lab, and what was sent."""
    worst = (Verdict.LOSS, Verdict.ENDLESS, Verdict.FAIL)
    failed = [row for row in latest(checks) if row.verdict in worst]
    texts = {}
    for row in sorted(failed, key=lambda row: worst.index(row.verdict))[:1]:
        cell = f"{row.deployment}/{row.case}"
        texts["To show a failure without the lab"] = ["show", run.id, cell, "--reproduce"]
    if run.of_clients:
        return {**texts, "To see what the server does in each case": ["list", "client-cases"]}
    return {**texts, "To see what each case sends": ["list", "cases"]}


def _of_comparison(run: Run, compared: Comparison, changes: Sequence[VersionChange]) -> dict[str, list[str]]:
    """Return how to compare versions again without what came along, or what to ask next of a config."""
    if compared.ablation or not run.order:
        return {}
    if compared.sides:
        more = [f"{name}=={version}" for name, version in shared_versions(changes).items()]
        sides = [",".join([*([] if word == LOCKED else [word]), *more]) for word in run.order.configs]
        sides = [*more, *sides] if more and len(sides) == 1 else sides
        again = msgspec.structs.replace(run.order, configs=sides)
        return {"To compare with the rest as it is": command_words(again)} if more else {}
    if set(compared.bases) & run.config_names.keys():
        return {"To see which of its settings matter": ["ablate", next(iter(compared.others), "")]}
    return {}


def _of_links(run: Run, links: Sequence[LinkFacts], names: Sequence[str]) -> dict[str, list[str]]:
    """Return how to see more of the servers that ended uploads over links, which no cut of a link did."""
    ended = [cell for facts in links if not facts.link.cuts for cell in facts.servers if cell.was_ended]
    texts = {}
    if ended:
        texts["To see all that is known of the first of them"] = ["show", run.id, _cell(ended[0].summary)]
    if here := list(dict.fromkeys(cell.name for cell in ended if cell.name in names)):
        words = ["check", "--deployments", ",".join(here), "--cases", "silent-body,slow-body"]
        texts["To see how long they wait for a slow client"] = words
    return texts


def _cell(summary: Summary) -> str:
    return f"{summary.deployment}/{summary.method}/{summary.size_bytes / MIB:g}MiB"


def _fix(causes: Sequence[Cause], startable: Mapping[str, Target]) -> list[str]:
    """Return the command that compares a method with the one that fixes the most expensive cause it shows.

    A server of the user's own is none that the lab can start.
    """
    for cause in causes:
        if cause.rule.better and isfinite(cause.times):
            for method, names in cause.places.items():
                if here := [startable[name] for name in names if name in startable]:
                    methods = f"{method},{cause.rule.better}"
                    words = ["--deployments", here[0].behind, "--methods", methods]
                    words += ["--link", here[0].link] if here[0].link else []
                    return ["run", *words, "--rounds", str(LEAST_ROUNDS)]
    return []


def _of_own_server(run: Run, own: Target, has_arrived: bool) -> dict[str, list[str]]:
    """Return what to ask next about a server without the lab's routes: its needs, a proof, slow clients."""
    if not has_arrived:
        return {"To see what can be said of your server": ["run", "--target-help"]}
    if run.order and own.foreign and not own.foreign.reads_back:
        return {PROOF: [*repeating(run), "--stored-url", "/files/{name}", "--clean-up"]}
    words = [*_option("targets", {own.behind: own.url}), *_option("spec", own.foreign)]
    return {"To see what slow clients do to it": ["run", "--plan", "slow-clients", *words]}


def _missing(run: Run, rows: Sequence[Measurement]) -> int:
    """Return how many uploads have no row yet, or a row that says that they could not be tried.

    A run with a time limit needs a row of each cell.
    """
    done_with = given_up(run, rows)
    unsuited = {target.name for target in run.targets if target.unsuited}
    rounds = {
        planned.cell.id: 1 if run.accuracy else planned.rounds
        for planned in run.cells
        if planned.cell.id not in done_with and planned.cell.deployment not in unsuited
    }
    done = {
        (row.cell_id, row.round)
        for row in rows
        if row.status is not Status.UNAVAILABLE and 0 < row.round <= rounds.get(row.cell_id, 0)
    }
    return sum(rounds.values()) - len(done)
