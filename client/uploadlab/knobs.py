"""One setting at a time: deployments that differ from a shipped one by it, from configs/knobs.toml."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from uploadlab.check.cases import CASES
from uploadlab.derive import renamed, with_config
from uploadlab.methods import METHODS
from uploadlab.model import Deployment, Service, UsageError
from uploadlab.names import check, choose
from uploadlab.units import parse_size

CONFIG = "config"
"""In place of an option: the whole file."""


class Knob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option of a deployment, and what it is set to in place of what is shipped."""

    deployment: str
    option: str
    """Of its config; in capitals, a variable of its environment."""
    values: list[str]
    """Empty: without the option."""
    why: str
    methods: list[str] = []
    """What is uploaded to see the effect; or else the cases of a check, or so many users at once."""
    size: str = "256MiB"
    cases: list[str] = []
    users: int = 0

    @property
    def is_variable(self) -> bool:
        """Whether it stands in the environment."""
        return self.option.isupper()

    def name(self, value: str) -> str:
        """Of the deployment with that value."""
        if self.option == CONFIG:
            return f"{self.deployment}~{Path(value).stem}"
        set_to = f"{self.option}={value}" if value else f"no-{self.option}"
        return f"{self.deployment}~{re.sub(r'[^A-Za-z0-9._=-]+', '-', set_to)}"


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    knobs: list[Knob]


def load_knobs(path: Path, deployments: Sequence[str]) -> list[Knob]:
    """The listed knobs; raises UsageError that says what is wrong in the file."""
    try:
        knobs = msgspec.toml.decode(path.read_bytes(), type=Listed).knobs
        for one in knobs:
            check("deployment", one.deployment, deployments)
            choose("method", one.methods, METHODS)
            choose("case", one.cases, CASES)
            parse_size(one.size)
            if not (one.methods or one.cases or one.users):
                raise UsageError(f"{one.option} of {one.deployment}: add methods, cases or users")
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, UsageError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    return knobs


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
    having = [one for one in services if re.search(_line(knob.option), texts[one.name], re.MULTILINE)]
    (changed, *_) = having or services[-1:]
    old = _config(changed)
    new = (
        (root / value).read_text()
        if knob.option == CONFIG
        else edited(texts[changed.name], knob.option, value)
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


def edited(text: str, option: str, value: str) -> str:
    """A config's text with the option set, or without it where the value is empty.

    A line that is not there is added at the end, in nginx's case at the end of its server.
    """
    found = re.search(_line(option), text, re.MULTILINE)
    if found and not value:
        return text[: found.start()] + text[found.end() :].removeprefix("\n")
    if found:
        return text[: found.start("value")] + value + text[found.end("value") :]
    if not value:
        raise UsageError(f"no line sets {option}, so it cannot be taken away")
    if text.rstrip().endswith("}"):
        place = re.search(r"^([ \t]*)location\b", text, re.MULTILINE)
        if place is None:
            raise UsageError(f"no location before which {option} could be set")
        return f"{text[: place.start()]}{place[1]}{option} {value};\n{text[place.start() :]}"
    return f"{text}{option} = {value}\n"


def _line(option: str) -> str:
    """The line that sets it: ``option = value`` of an ini or a Python file, ``option value;`` of nginx."""
    return rf"^[ \t]*{re.escape(option)}(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>[^;#\n]*[^;#\s])[^\n]*$"
