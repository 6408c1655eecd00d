"""From knobs to runs: deployments that differ from a shipped one by one setting."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from uploadlab.declared.config_syntax import parse_config, set_option
from uploadlab.declared.knobs import CONFIG, Knob
from uploadlab.declared.plans import Choice, Load, Plan
from uploadlab.declared.variants import renamed, with_config
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.deployments import Deployment, Service, Target
from uploadlab.paths import ROOT
from uploadlab.planning.draft import Draft, Order
from uploadlab.planning.load_steps import plan_steps
from uploadlab.units import parse_size

SPEED, CHECK = "knobs", "knobs-check"
"""The runs' plans."""


WARMUP = "8MiB"


LOAD = Load(methods=["request.stream"], sizes=["1MiB"], users=[])


def drafts(
    knobs: list[Knob], declared: dict[str, Deployment], rounds: int, seed: int | None, folder: Path
) -> list[Draft]:
    """The runs that these knobs need, and no empty one; raises UsageError."""
    turned = [
        (knob, msgspec.structs.replace(one, next=[]))  # uploads are passed on to nobody
        for knob in knobs
        for one in (declared[knob.deployment], *variants(knob, declared[knob.deployment], ROOT, folder))
    ]
    measured = [(knob, one) for knob, one in turned if knob.methods or knob.users]
    checked = [(knob, one) for knob, one in turned if knob.cases]
    found = []
    if measured:
        plan = Plan(title="One setting at a time.")
        cells = dict.fromkeys(cell for knob, one in measured for cell in _cells(knob, one))
        planned = [Planned(cell, rounds, parse_size(WARMUP)) for cell in cells]
        steps = list(dict.fromkeys(step for knob, one in measured for step in _steps(knob, one)))
        order = Order(SPEED, Choice(), None, {}, seed)
        found.append(_draft(order, plan, planned, steps, [one for _, one in measured]))
    if checked:
        cases = list(dict.fromkeys(case for knob, _ in checked for case in knob.cases))
        order = Order(CHECK, Choice(), None, {}, seed, checks=cases)
        found.append(_draft(order, Plan(title=""), [], [], [one for _, one in checked]))
    return found


def _draft(
    order: Order, plan: Plan, cells: list[Planned], steps: list[Step], deployments: list[Deployment]
) -> Draft:
    once = list({one.name: one for one in deployments}.values())
    return Draft(order, plan, cells, steps, [_target(one) for one in once], once)


def _target(one: Deployment) -> Target:
    return Target(one.name, "", one.tier, one.accepts)


def _cells(knob: Knob, one: Deployment) -> list[Cell]:
    return [Cell(one.name, method, parse_size(knob.size)) for method in knob.methods]


def _steps(knob: Knob, one: Deployment) -> list[Step]:
    return plan_steps(LOAD, [_target(one)], None, None, [knob.users]) if knob.users else []


def variants(knob: Knob, one: Deployment, root: Path, folder: Path) -> Iterator[Deployment]:
    """The deployment with each value, its configs written below a folder; raises UsageError."""
    for value in knob.values:
        name = knob.name(value)
        services = renamed(one, name).services
        if knob.is_variable:
            services = [_with_variable(service, knob.option, value) for service in services]
        else:
            services = _with_config(services, knob, value, root, folder)
        yield msgspec.structs.replace(one, name=name, services=services)


def _with_variable(service: Service, option: str, value: str) -> Service:
    environment = {name: text for name, text in service.environment.items() if name != option}
    environment |= {option: value} if value else {}
    return msgspec.structs.replace(service, environment=environment)


def _with_config(
    services: Sequence[Service], knob: Knob, value: str, root: Path, folder: Path
) -> list[Service]:
    """The services, with another config for the one that has the option, or else for the last."""
    texts = {service.name: (root / _config(service)).read_text() for service in services}
    having = [
        service
        for service in services
        if knob.option in {line.option for line in parse_config(_config(service), texts[service.name])}
    ]
    (changed, *_) = having or services[-1:]
    old = _config(changed)
    new = (
        (root / value).read_text()
        if knob.option == CONFIG
        else set_option(old, texts[changed.name], knob.option, value)
    )
    path = folder / Path(old).parent / f"{changed.name}{''.join(Path(old).suffixes)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new)
    different = with_config(changed, old, str(path))
    return [different if one is changed else one for one in services]


def _config(service: Service) -> str:
    name = next((word for word in service.command if word.startswith("configs/")), None)
    if name is None:
        raise UsageError(f"{service.name} has no config: set a variable of its environment")
    return name
