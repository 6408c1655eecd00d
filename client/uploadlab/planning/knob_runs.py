"""From knobs to runs: deployments that differ from a shipped one by one setting."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from uploadlab.declared.config_syntax import parse_config, set_option
from uploadlab.declared.knobs import CONFIG, Knob
from uploadlab.declared.plans import Load
from uploadlab.declared.variants import beside, renamed, with_config
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.deployments import Deployment, Service
from uploadlab.model.order import Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import Draft
from uploadlab.planning.load_steps import plan_steps
from uploadlab.units import MIB, parse_size

SPEED, CHECK = "knobs", "knobs-check"
"""Names of the runs."""
ROUNDS = 9
WARMUP_BYTES = 8 * MIB
LOAD = Load(methods=["request.stream"], sizes=["1MiB"], users=[])


def knob_drafts(
    order: Order, knobs: Sequence[Knob], declared: Mapping[str, Deployment], folder: Path
) -> list[Draft]:
    """Return the runs that these knobs need: one of speed and load, one of checks. Raise UsageError.

    Configs are written below ``folder``.
    """
    chosen = [knob for knob in knobs if not order.only or order.only in f"{knob.deployment} {knob.option}"]
    if not chosen:
        raise UsageError(f"--only {order.only!r}: no deployment or option in configs/knobs.toml contains it")
    pairs = [
        (knob, msgspec.structs.replace(deployment, next=[]))  # no second hop
        for knob in chosen
        for deployment in (declared[knob.deployment], *variants(knob, declared[knob.deployment], folder))
    ]
    cells = dict.fromkeys(
        Cell(deployment.name, method, parse_size(knob.size))
        for knob, deployment in pairs
        for method in knob.methods
    )
    rounds = order.rounds or ROUNDS
    planned = [Planned(cell, rounds, WARMUP_BYTES) for cell in cells]
    steps = list(dict.fromkeys(step for pair in pairs for step in _steps(*pair)))
    cases = list(dict.fromkeys(case for knob in chosen for case in knob.cases))
    measured = [deployment for knob, deployment in pairs if knob.methods or knob.users]
    checked = [deployment for knob, deployment in pairs if knob.cases]
    speed = _draft(order, SPEED, measured, cells=planned, steps=steps)
    check = _draft(order, CHECK, checked, checks=cases)
    return [drafted for drafted in (speed, check) if drafted.deployments]


def _draft(order: Order, name: str, deployments: Sequence[Deployment], **more: Any) -> Draft:
    once = list({deployment.name: deployment for deployment in deployments}.values())
    targets = [deployment.target() for deployment in once]
    return Draft(order=order, name=name, deployments=once, targets=targets, **more)


def _steps(knob: Knob, deployment: Deployment) -> list[Step]:
    return plan_steps(LOAD, Order(users=[knob.users]), [deployment.target()]) if knob.users else []


def variants(knob: Knob, deployment: Deployment, folder: Path) -> Iterator[Deployment]:
    """Yield the deployment with each value, its configs written below a folder; raise UsageError."""
    for value in knob.values:
        variant = renamed(deployment, knob.name(value))
        if knob.is_variable:
            services = [_with_variable(service, knob.option, value) for service in variant.services]
        else:
            services = _with_setting(variant.services, knob, value, folder)
        yield msgspec.structs.replace(deployment, name=variant.name, services=services)


def _with_variable(service: Service, option: str, value: str) -> Service:
    environment = {name: text for name, text in service.environment.items() if name != option}
    environment |= {option: value} if value else {}
    return msgspec.structs.replace(service, environment=environment)


def _with_setting(services: Sequence[Service], knob: Knob, value: str, folder: Path) -> list[Service]:
    """Return the services with another config for the one that has the option, else for the front."""
    texts = {service.name: (ROOT / _config(service)).read_text() for service in services}
    having = [
        service
        for service in services
        if knob.option in [line.option for line in parse_config(_config(service), texts[service.name])]
    ]
    (changed, *_) = having or services[:1]
    old = _config(changed)
    if knob.option == CONFIG:
        new = (ROOT / value).read_text()
    else:
        new = set_option(old, texts[changed.name], knob.option, value)
    path = folder / beside(old, changed.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new)
    different = with_config(changed, old, str(path))
    return [different if service is changed else service for service in services]


def _config(service: Service) -> str:
    name = next((word for word in service.command if word.startswith("configs/")), None)
    if name is None:
        raise UsageError(f"{service.name} has no config: set a variable of its environment")
    return name
