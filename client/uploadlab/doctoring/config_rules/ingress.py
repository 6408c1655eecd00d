"""What the annotations of a Kubernetes Ingress for nginx limit or buffer."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    by_default,
    finding_of,
    limit_found,
    said_at,
)
from uploadlab.doctoring.config_rules.values import config_size, time_of
from uploadlab.doctoring.config_rules.yaml_nodes import Entry, yaml_entries
from uploadlab.model.diagnoses import Finding, Weight

PREFIX = "nginx.ingress.kubernetes.io/"
READ: dict[str, tuple[str, Callable[[str], float | None], str, str]] = {
    "proxy-body-size": ("nginx.client_max_body_size", config_size, "1m", "0"),
    "client-body-timeout": ("nginx.client_body_timeout", time_of, "60", "60"),
    "proxy-read-timeout": ("nginx.proxy_read_timeout", time_of, "60", "300"),
}
"""An annotation's cause, how its value is read, its default, and a value to paste."""


def ingress_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Ingresses and of the controller's ConfigMap; raise UsageError."""
    return ReadConfig([finding for file in files for finding in _of_file(file)])


def _of_file(file: ConfigFile) -> Iterator[Finding]:
    found_entries = {entry.key.removeprefix(PREFIX): entry for entry in yaml_entries(file.name, file.text)}
    for name, (cause, read, default, paste) in READ.items():
        entry = found_entries.get(name)
        said = _line(file, entry) if entry else by_default(file.name, PREFIX + name, f"of {default}")
        value = entry.text if entry else default
        if finding := limit_found(cause, read(value), value, said):
            yield replace(finding, fix=f'{PREFIX}{name}: "{paste}"')
    buffering = found_entries.get("proxy-request-buffering")
    if not buffering or buffering.text.lower() != "off":
        name = PREFIX + "proxy-request-buffering"
        yield finding_of(
            "nginx.proxy_request_buffering",
            "nginx takes the whole body, to disk if it is large, before it calls the app",
            Weight.NOTE,
            _line(file, buffering) if buffering else by_default(file.name, name, "on"),
            fix=f'{name}: "off"',
        )


def _line(file: ConfigFile, entry: Entry) -> Said:
    return said_at(file.name, entry.line, f"{entry.key}: {entry.text}")
