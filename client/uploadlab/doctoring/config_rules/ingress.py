"""What the annotations of a Kubernetes Ingress for nginx limit or buffer."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    at_line,
    by_default,
    found,
    limit_found,
)
from uploadlab.doctoring.config_rules.values import seconds_of, size_of
from uploadlab.doctoring.config_rules.yaml_nodes import Entry, yaml_entries
from uploadlab.model.diagnoses import Finding, Weight

PREFIX = "nginx.ingress.kubernetes.io/"
READ: dict[str, tuple[str, Callable[[str], float | None], str, str]] = {
    "proxy-body-size": ("nginx.client_max_body_size", size_of, "1m", "0"),
    "client-body-timeout": ("nginx.client_body_timeout", seconds_of, "60", "60"),
    "proxy-read-timeout": ("nginx.proxy_read_timeout", seconds_of, "60", "300"),
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
        yield found(
            "nginx.proxy_request_buffering",
            "nginx takes the whole body, to disk if it is large, before it calls the app",
            Weight.NOTE,
            _line(file, buffering) if buffering else by_default(file.name, name, "on"),
            fix=f'{name}: "off"',
        )


def _line(file: ConfigFile, entry: Entry) -> Said:
    return at_line(file.name, entry.line, f"{entry.key}: {entry.text}")
