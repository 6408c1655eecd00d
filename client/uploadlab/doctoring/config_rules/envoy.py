"""What Envoy's configs limit, buffer or lose."""

from collections.abc import Iterator, Sequence

import yaml

from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    by_default,
    finding_of,
    limit_found,
    said_at,
)
from uploadlab.doctoring.config_rules.values import number_of, time_of
from uploadlab.doctoring.config_rules.yaml_nodes import Entry, yaml_entries
from uploadlab.model.diagnoses import Finding, Weight
from uploadlab.units import KIB, format_size

ENVOY_TIMES = ("request_timeout", "stream_idle_timeout")
SMALL_WINDOW_BYTES = 256 * KIB
STOCK_HEADER_KIB = 60


def envoy_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Envoy's YAML or JSON; raise UsageError for a file that is neither."""
    findings: list[Finding | None] = []
    for file in files:
        entries = yaml_entries(file.name, file.text)
        for entry in entries:
            findings += _of_entry(file.name, entry)
        findings += _defaults(file.name, entries)
    return ReadConfig([finding for finding in findings if finding])


def _said(file: str, entry: Entry) -> Said:
    return said_at(file, entry.line, f"{entry.key}: {entry.text}")


def _of_entry(file: str, entry: Entry) -> Iterator[Finding | None]:
    said = _said(file, entry)
    if entry.key == "max_request_bytes":
        yield limit_found("envoy.buffer max_request_bytes", number_of(entry.text), entry.text, said)
    elif entry.key in ENVOY_TIMES:
        yield limit_found(f"envoy.{entry.key}", time_of(entry.text), entry.text, said)
    elif entry.key == "max_request_headers_kb":
        value = number_of(entry.text)
        yield limit_found("envoy.max_request_headers_kb", value and value * KIB, entry.text, said)
    elif entry.key == "initial_stream_window_size":
        size_bytes = number_of(entry.text)
        if size_bytes is not None and size_bytes < SMALL_WINDOW_BYTES:
            symptom = (
                f"uploads over HTTP/2 from far away are slow: {format_size(size_bytes)} for each round trip"
            )
            yield finding_of("envoy.initial_stream_window_size", symptom, Weight.NOTE, said)
    elif entry.key in ("route", "defaultRoute") and isinstance(entry.node, yaml.MappingNode):
        timeout = entry.child("timeout")
        if timeout is None:
            said = by_default(
                file, "timeout", "of 15 s after the whole body", f"the route of line {entry.line}"
            )
            yield limit_found("envoy.route timeout", 15, "", said)
        elif isinstance(timeout, yaml.ScalarNode):
            line = timeout.start_mark.line + 1
            said = said_at(file, line, f"timeout: {timeout.value}")
            yield limit_found("envoy.route timeout", time_of(timeout.value), timeout.value, said)


def _defaults(file: str, entries: Sequence[Entry]) -> Iterator[Finding | None]:
    keys = {entry.key for entry in entries}
    if "http_filters" in keys and "stream_idle_timeout" not in keys:
        said = by_default(file, "stream_idle_timeout", "of 5 min")
        yield limit_found("envoy.stream_idle_timeout", 300, "", said)
    if "http_filters" in keys and "max_request_headers_kb" not in keys:
        said = by_default(file, "max_request_headers_kb", "of 60 KiB")
        yield limit_found("envoy.max_request_headers_kb", STOCK_HEADER_KIB * KIB, "", said)
