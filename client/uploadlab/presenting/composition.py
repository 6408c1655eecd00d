"""From what a run's folder holds to its document. Pure: nothing is read or written here."""

from collections.abc import Mapping, Sequence
from math import isinf
from typing import NamedTuple

from uploadlab.analysis.cells import Summary, reference_names, summarize
from uploadlab.analysis.client_ranking import ClientRanking, is_of_clients, rank_clients
from uploadlab.analysis.comparison import Found, found
from uploadlab.analysis.diagnosis import Cause, diagnose
from uploadlab.analysis.disturbances import Disturbance, disturbances, step_disturbances
from uploadlab.analysis.grid import judged, measured_limits
from uploadlab.analysis.link_facts import LinkFacts, link_facts, plain_failures, without_links
from uploadlab.analysis.load import LoadSummary, summarize_load
from uploadlab.analysis.losses import Loss, losses
from uploadlab.analysis.ranking import Ranking, rank
from uploadlab.analysis.version_changes import version_changes
from uploadlab.declared.goals import Goals
from uploadlab.model.checks import Check
from uploadlab.model.order import Order
from uploadlab.model.runs import Run
from uploadlab.presenting import sections
from uploadlab.presenting.check_answer import check_statements, check_title
from uploadlab.presenting.client_answer import client_statements, client_title
from uploadlab.presenting.client_dots import client_dots
from uploadlab.presenting.client_speed import speed_of_clients, speed_of_clients_in_short, way_statements
from uploadlab.presenting.comparison import setting_differences
from uploadlab.presenting.comparison_answer import (
    comparison_statements,
    comparison_title,
    difference_statements,
)
from uploadlab.presenting.document import Document, Dots, Statement
from uploadlab.presenting.dots import link_dots, ranking_dots
from uploadlab.presenting.links import link_statements, link_title
from uploadlab.presenting.load_answer import load_statements, load_title
from uploadlab.presenting.own_app import left_out_statements, own_app_facts, own_app_statements
from uploadlab.presenting.raw_figures import raw_figures
from uploadlab.presenting.remains import remains_statements
from uploadlab.presenting.repeat import next_commands
from uploadlab.presenting.run_answer import (
    arrival_statement,
    change_statements,
    failure_statements,
    fallback_statements,
    is_busy,
    loss_statements,
    noise_statements,
    precision_statements,
    proof_statements,
    run_title,
    speed_statements,
)
from uploadlab.presenting.sent_twice import dropping_statements, twice_in_short, twice_statements
from uploadlab.presenting.summary import run_summary
from uploadlab.presenting.version_answer import version_differences, version_statements, version_title
from uploadlab.storage.reader import UNKNOWN, StoredRun
from uploadlab.units import format_size
from uploadlab.versions.sides import requirement_label

NOTHING = "Nothing was measured yet."


class Evidence(NamedTuple):
    """All figures of a run that its document is composed of, each computed once."""

    stored: StoredRun
    checks: Sequence[Check]
    """Without the limits that a plan measures beside uploads."""
    summaries: Sequence[Summary]
    loads: Sequence[LoadSummary]
    links: Sequence[LinkFacts]
    """Empty unless uploads went over links."""
    compared: Sequence[Found]
    """A result for each group of a comparison."""
    losses: Sequence[Loss]
    ranking: Ranking | None
    clients: Sequence[ClientRanking]
    """Empty unless most methods are those of other clients."""
    causes: Sequence[Cause]
    disturbed: Sequence[Disturbance]


def compose(stored: StoredRun, goals: Goals) -> Document:
    """Return the answer and all details that the run has something for."""
    run = stored.run
    summaries = summarize(run, stored.rows)
    evidence = Evidence(
        stored,
        judged(run, stored.checks),
        summaries,
        summarize_load(run, stored.steps, stored.uploads),
        link_facts(run, stored.rows, summaries),
        found(run, stored.rows),
        losses(stored.rows),
        rank(run, summaries),
        rank_clients(summaries, reference_names(run))
        if is_of_clients(cell.method for cell in summaries) and not run.links
        else [],
        diagnose(run, stored.rows, stored.calls),
        disturbances(stored.rows),
    )
    cells = [summary.cell for summary in summaries]
    cells += [summary.step.cell for summary in evidence.loads]
    measured = {*(cell.deployment for cell in cells), *(row.deployment for row in stored.checks)}
    is_empty = not (summaries or stored.steps or stored.checks)
    composed = _sections(evidence, goals)
    title = _title(evidence)
    return Document(
        title=title,
        facts=_facts(run),
        notices=[*stored.notices, *([NOTHING] if is_empty else [])],
        answer=[*_answer(evidence), *remains_statements(stored)],
        commands=next_commands(
            stored,
            evidence.losses,
            evidence.ranking,
            evidence.causes,
            is_busy(evidence.disturbed),
            evidence.links,
            [change for found in evidence.compared for change in version_changes(run, found)],
        ),
        pictures=[] if run.comparison else _pictures(evidence),
        sections=[section for section in composed if section and not section.is_empty],
        deployments={target.name: target.tier for target in run.targets if target.name in measured},
        methods=list(dict.fromkeys(cell.method for cell in cells)),
        sizes=sorted({cell.size_bytes for cell in cells}),
        figures=raw_figures(run, summaries, evidence.loads),
        summary=run_summary(stored, summaries, evidence.loads, title),
    )


def compose_diff(compared: Found, differs: Mapping[str, Sequence[str]], notices: Sequence[str]) -> Document:
    """Return what changed between two runs; ``differs`` has the settings and versions that did."""
    changed = setting_differences(differs, compared.base)
    return Document(
        title=comparison_title(compared, None),
        facts=[],
        notices=notices,
        answer=[*comparison_statements(compared, None, {}), *difference_statements(differs)],
        commands={},
        pictures=[],
        sections=list(filter(None, [sections.comparison_section([compared], None, changed)])),
        deployments={},
        methods=[],
        sizes=[],
        figures=[],
    )


def _pictures(evidence: Evidence) -> list[Dots]:
    if evidence.clients:
        return client_dots(evidence.clients, evidence.losses)
    run = evidence.stored.run
    over_links = {facts.link.name: rank(run, evidence.summaries, facts.link.name) for facts in evidence.links}
    return ranking_dots(evidence.ranking, evidence.losses) + link_dots(over_links)


def _title(evidence: Evidence) -> str:
    run, checks = evidence.stored.run, evidence.checks
    if checks:
        return client_title(run, checks) if run.of_clients else check_title(run, checks)
    if run.comparison and any(found.lines for found in evidence.compared):
        if run.comparison.sides:
            return version_title(evidence.compared)
        return comparison_title(evidence.compared[0], run.comparison)
    if evidence.summaries:
        over_links = "; ".join(filter(None, [twice_in_short(evidence.links), link_title(evidence.links)]))
        speed = speed_of_clients_in_short(evidence.clients) or over_links
        return run_title(
            run, evidence.summaries, evidence.losses, evidence.ranking, evidence.disturbed, speed
        )
    return load_title(_apps(evidence)) or f"Plan {run.plan}"


def _answer(evidence: Evidence) -> list[Statement]:
    """Return the sentences of all that the run has, what was lost first."""
    run, checks, compared = evidence.stored.run, evidence.checks, evidence.compared
    if checks:
        return client_statements(run, checks) if run.of_clients else check_statements(run, checks)
    if compared and run.comparison:
        if run.comparison.sides:
            return [
                *version_statements(run, compared),
                *arrival_statement(run, evidence.stored.rows),
                *noise_statements(evidence.disturbed, "round"),
            ]
        return comparison_statements(compared[0], run.comparison, run.comparison.others)
    changes = way_statements(evidence.clients) or change_statements(evidence.causes)
    ranking = None if evidence.clients else evidence.ranking
    direct = without_links(run, evidence.summaries)
    slow_for_sure = ranking is not None and ranking.slowest.is_clear
    # What is lost is fixed first, and its fix is read with it.
    fixes = changes[:1] if any(isinf(cause.times) for cause in evidence.causes) else []
    unsuited = {target.name for target in run.targets if target.unsuited}
    failures = [cell for cell in plain_failures(run, evidence.summaries) if cell.deployment not in unsuited]
    return [
        *own_app_statements(run, evidence.stored.rows),
        *loss_statements(evidence.losses),
        *fixes,
        *failure_statements(failures),
        *dropping_statements(evidence.links),
        *twice_statements(evidence.links),
        *link_statements(evidence.links),
        *noise_statements(evidence.disturbed, "round", slow_for_sure),
        *noise_statements(step_disturbances(evidence.stored.steps), "step"),
        *proof_statements(run, evidence.summaries),
        *arrival_statement(run, evidence.stored.rows),
        *(speed_of_clients(evidence.clients, evidence.summaries) or speed_statements(evidence.ranking)),
        *changes[len(fixes) :],
        *load_statements(_apps(evidence), evidence.loads),
        *fallback_statements(evidence.summaries),
        *precision_statements(direct, bool(evidence.clients)),
        *left_out_statements(run),
    ]


def _apps(evidence: Evidence) -> list[LoadSummary]:
    """Return the steps without those of references, which run no app."""
    references = reference_names(evidence.stored.run)
    return [summary for summary in evidence.loads if summary.step.cell.deployment not in references]


def _sections(evidence: Evidence, goals: Goals) -> list[sections.MaybeSection]:
    """Return the details, those that a reader asks for first before the others."""
    stored, run, checks = evidence.stored, evidence.stored.run, evidence.checks
    return [
        sections.comparison_section(evidence.compared, run.comparison, _differences(evidence)),
        sections.check_section(run, checks),
        sections.link_section(run, evidence.links),
        sections.load_section(evidence.loads),
        sections.limit_section(run, measured_limits(run, stored.checks)),
        sections.client_section(run, evidence.summaries) if evidence.clients else None,
        sections.cell_section(run, evidence.summaries),
        sections.cause_section(evidence.causes),
        sections.failure_section(evidence.summaries),
        sections.chart_section(stored.rows, evidence.summaries),
        sections.ratio_section(stored, evidence.summaries, goals),
        sections.profile_section(stored),
        sections.deployment_section(run),
        sections.config_section(run),
        sections.repeat_section(stored),
    ]


def _differences(evidence: Evidence) -> Mapping[str, Sequence[str]]:
    """Return what differs between those compared, by title; an ablation's rows say it themselves."""
    run = evidence.stored.run
    if not (run.comparison and evidence.compared) or run.comparison.ablation:
        return {}
    if run.comparison.sides:
        return version_differences(run, evidence.compared)
    return setting_differences(run.comparison.others, evidence.compared[0].base)


def _facts(run: Run) -> list[str]:
    """Return what was measured, when and where, as far as that is known."""
    host = run.host
    if not run.started_at and host.cpu == UNKNOWN:
        return [f"run {run.id}"]
    order = run.order or Order()
    given = ", ".join(map(requirement_label, order.with_packages))
    return [
        *own_app_facts(run),
        *([f"with {given}"] if given else []),
        *([f"releases that fit {order.versions}"] if order.versions else []),
        f"plan {run.plan}, runtime {run.runtime}",
        f"{run.started_at[:10]} {run.started_at[11:16]} UTC",
        f"{host.cores} cores of {host.cpu}, {format_size(host.memory_bytes)}",
        host.kernel,
        f"uploads on {host.data_filesystem}",
        f"run {run.id}",
    ]
