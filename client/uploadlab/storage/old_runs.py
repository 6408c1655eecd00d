"""Runs that older versions of the lab recorded, in today's form.

Before attempts of the check had codes, exceptions were matched by the text of what happened.
"""

import re
from typing import Any

import msgspec

from uploadlab.catalogue.methods import FIELD
from uploadlab.model.checks import Check
from uploadlab.model.deployments import EXTERNAL, REFERENCE, Target
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import MOST_METHODS, Run
from uploadlab.private_urls import masked_word, split_private
from uploadlab.storage.decoding import decoded
from uploadlab.units import format_exactly

CODES = {
    r"no answer \(RemoteDisconnected.*\)": "no-answer-disconnected",
    r"no answer \(ConnectionResetError.*\)": "no-answer-reset",
    r"no answer \(ConnectionResetError.*\), but stored": "no-answer-reset-but-stored",
    r"201, 300000 of 600001 bytes stored": "lost-part",
}
"""The texts that exceptions named, and the codes of such attempts."""


MOST_UPLOADS = 1_000_000
"""Of a run. One with more would take weeks."""


def decode_run(content: bytes) -> Run:
    """Return what run.json says, whichever version of the lab wrote it; raises msgspec.DecodeError."""
    fields = decoded(content, msgspec.json.Decoder(dict[str, Any]))
    exceptions = msgspec.convert(fields.get("exceptions", []), list[dict[str, Any]])
    for known in exceptions:
        if "shows" in known:
            texts = msgspec.convert(known.pop("shows"), list[str])
            known |= {"codes": [code for code in map(_code_of, texts) if code], "fix": known.pop("mend", "")}
    compared = fields.get("comparison")
    if isinstance(compared, dict) and "groups" not in compared:
        fields["comparison"] = _with_groups(compared)
    for holder in (fields.get("order"), *(fields.get("targets") or [])):
        if isinstance(holder, dict) and isinstance(holder.get("foreign"), dict):
            holder["spec"] = _spec_of(holder.pop("foreign"))
    run = msgspec.convert(fields | {"exceptions": exceptions}, Run)
    if sum(planned.rounds for planned in run.cells) > MOST_UPLOADS:
        raise msgspec.ValidationError(f"it plans more than {MOST_UPLOADS} uploads")
    if len({planned.cell.method for planned in run.cells}) > MOST_METHODS:
        raise msgspec.ValidationError(f"it plans more than {MOST_METHODS} methods")
    run.targets = [_without_private(target) for target in run.targets]
    if run.order:
        targets = {name: _public(url) for name, url in run.order.targets.items()}
        run.order = msgspec.structs.replace(run.order, targets=targets)
    else:
        run.order = implied_order(run)
        run.kind = run.order.kind
    return run


def _with_groups(compared: dict[str, Any]) -> dict[str, Any]:
    """Return what older versions stored of a comparison, which had one base: as its only group."""
    of_group = {name: compared[name] for name in ("base", "again", "others") if name in compared}
    rest = {name: value for name, value in compared.items() if name not in of_group}
    return {**rest, "groups": [of_group]}


def _spec_of(foreign: dict[str, Any]) -> dict[str, Any]:
    """Return what older versions stored of a server of the user's: its status of success, and its field."""
    status, field = foreign.get("expect_status"), foreign.get("field", FIELD)
    return {"expect_status": [[status, status]], "field": "" if field == FIELD else field}


def _without_private(target: Target) -> Target:
    """Return a target without the login and the query that older versions stored with its URL."""
    public = _public(target.url)
    return target if public == target.url else msgspec.structs.replace(target, url=public, private=True)


def _public(url: str) -> str:
    try:
        return split_private(url)[0]
    except ValueError:
        return masked_word(url)


def implied_order(run: Run) -> Order:
    """Return the order of a run from before orders were stored, as far as the run says."""
    if run.plan in ("knobs", "knobs-check"):
        return Order(kind=Kind.KNOBS)
    if compared := run.comparison:
        configs = compared.bases if compared.ablation else [*compared.bases, *compared.others]
        kind = Kind.ABLATE if compared.ablation else Kind.COMPARE
        minutes = compared.budget_seconds / 60
        return Order(kind=kind, configs=configs, plan=run.plan, within=compared.within, minutes=minutes)
    apps = [target.name for target in run.targets if target.tier not in (REFERENCE, EXTERNAL)]
    targets = {target.name: target.url for target in run.targets if target.tier == EXTERNAL}
    spec = next((target.spec for target in run.targets if target.spec), None)
    if run.checks:
        names = [*apps, *targets] or None
        return Order(kind=Kind.CHECK, deployments=names, cases=run.checks, targets=targets)
    cells = [planned.cell for planned in run.cells if planned.cell.deployment in {*apps, *targets}]
    sizes = {cell.size_bytes for cell in cells}
    rounds = {planned.rounds for planned in run.cells}
    return Order(
        plan=run.plan, deployments=[*apps, *targets] or None, profile=run.profile,
        load=bool(run.load and run.cells), targets=targets, spec=spec,
        methods=list(dict.fromkeys(cell.method for cell in cells)) or None,
        # Where sizes or rounds differ, the plan gave them.
        sizes=[format_exactly(size) for size in sizes] if len(sizes) == 1 else None,
        rounds=rounds.pop() if len(rounds) == 1 else None,
    )  # fmt: skip


def with_code(row: Check) -> Check:
    """Return an attempt with its code, which a row of an older version lacks."""
    return row if row.code else msgspec.structs.replace(row, code=_code_of(row.text))


def _code_of(text: str) -> str:
    return next((code for pattern, code in CODES.items() if re.fullmatch(pattern, text)), "")
