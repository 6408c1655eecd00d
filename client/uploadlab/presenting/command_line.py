"""An order as the command that the user types."""

import re
from typing import Any

import msgspec

from uploadlab.model.deployments import EXTERNAL, REFERENCE
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run

ARGUMENTS = ("kind", "configs")
"""Fields that are words of their own, not options."""
PERCENT = ("within", "fail_above")


def order_of(run: Run) -> Order:
    """Return what the user asked for; of a run from before orders were stored, as far as the run says."""
    if run.order:
        return run.order
    apps = [target.name for target in run.targets if target.tier not in (REFERENCE, EXTERNAL)]
    compared = run.comparison
    if compared:
        configs = [compared.base] if compared.ablation else [compared.base, *compared.others]
        kind = Kind.ABLATE if compared.ablation else Kind.COMPARE
        return Order(kind=kind, configs=configs, within=compared.within, minutes=compared.budget_seconds / 60)
    if run.plan in ("knobs", "knobs-check"):
        return Order(kind=Kind.KNOBS)
    if run.checks:
        return Order(kind=Kind.CHECK, deployments=apps)
    return Order(
        plan=run.plan, deployments=apps or None, profile=run.profile, load=bool(run.load and run.cells),
        targets={target.name: target.url for target in run.targets if target.tier == EXTERNAL},
        foreign=next((target.foreign for target in run.targets if target.foreign), None),
    )  # fmt: skip


def repeating(run: Run) -> list[str]:
    """Return the words of the command that repeats a run, with its seed and its runtime."""
    order = order_of(run)
    if order.kind is not Kind.CHECK:
        order = msgspec.structs.replace(order, seed=run.seed)
    runtime = ["--runtime", run.runtime] if order.kind is not Kind.KNOBS else []
    return [*command_words(order), *runtime]


def command_words(order: Order) -> list[str]:
    """Return the words behind ``./scripts/lab`` that give this order."""
    defaults = Order()
    words = [str(order.kind), *order.configs]
    for field in order.__struct_fields__:
        value = getattr(order, field)
        if field not in ARGUMENTS and value != getattr(defaults, field):
            words += _option(field, value)
    return words


def _option(field: str, value: Any) -> list[str]:
    name = f"--{field.replace('_', '-')}"
    if field == "targets":
        return [word for target, url in value.items() for word in ("--target", f"{target}={_public(url)}")]
    if field == "foreign":
        return ["--expect-status", str(value.expect_status), "--field", value.field]
    if isinstance(value, bool):
        return [name]
    if isinstance(value, list):
        return [name, ",".join(map(str, value))]
    if isinstance(value, float):
        return [name, f"{100 * value:g}%" if field in PERCENT else f"{value:g}"]
    return [name, str(value)]


def _public(url: str) -> str:
    """Return the address without a password: a report is passed on more freely than a run."""
    return re.sub(r"(?<=//)[^/@]*@", "", url)
