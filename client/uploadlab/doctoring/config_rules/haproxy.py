"""What HAProxy's configs limit, buffer or lose."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from uploadlab.declared.config_syntax import HAPROXY, Setting, parse_config
from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    by_default,
    finding_of,
    limit_found,
    said_at,
    weight_of,
)
from uploadlab.doctoring.config_rules.values import config_size, number_of, time_of
from uploadlab.model.diagnoses import Finding, Weight
from uploadlab.units import KIB, format_size

SECTION = re.compile(r"(global|defaults|frontend|backend|listen)\b\s*(\S*)(?:\s+from\s+(\S+))?")
OTHER_SECTION = re.compile(
    r"(?:peers|resolvers|mailers|userlist|program|cache|http-errors|ring|fcgi-app|crt-store|traces|acme)\b"
    r"|log-(?:forward|profile)\b"
)
"""What opens a section that says nothing of uploads."""
BODY = re.compile(r"body_size|content-length|content_length|\bPOST\b|\bPUT\b", re.IGNORECASE)
SIZE_RULE = re.compile(r"\b(?:gt|ge)\s+(\d+)")
DROPPING = re.compile(r"\bcode\s+(?:301|302|303)\b")
STOCK_BUFFER_BYTES, STOCK_WINDOW_BYTES = 16 * KIB, 64 * KIB
WINDOWS = ("tune.h2.fe.initial-window-size", "tune.h2.initial-window-size", "tune.h2.fe.rxbuf")


class ProxySection(NamedTuple):
    """A section of HAProxy's config, and its settings."""

    kind: str
    name: str
    file: str
    line: int
    settings: list[Setting]
    inherits: "ProxySection | None" = None

    def setting(self, option: str) -> "tuple[ProxySection, Setting] | None":
        """Return the last setting of an option, here or in the defaults, with its section."""
        here = [setting for setting in self.settings if setting.option == option]
        if here:
            return self, here[-1]
        return self.inherits.setting(option) if self.inherits else None


def haproxy_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of HAProxy's files, read in their order as HAProxy reads them."""
    sections = haproxy_sections(files)
    findings = [finding for section in sections for finding in _of_section(section)]
    return ReadConfig([*findings, *_of_all(files, sections)])


def haproxy_sections(files: Sequence[ConfigFile]) -> list[ProxySection]:
    """Return all sections, each with the defaults that hold for it."""
    sections: list[ProxySection] = []
    defaults: dict[str, ProxySection] = {}
    for file in files:
        settings = parse_config(f"config{HAPROXY}", file.text)
        lines = file.text.splitlines()
        starts = [number for number, line in enumerate(lines) if _opens(line)]
        for start, end in pairwise([*starts, len(lines)]):
            opened = SECTION.match(lines[start].strip())
            kind, name, source = opened.groups() if opened else ("other", "", None)
            inner = [setting for setting in settings if start < setting.first < end]
            inherits = defaults.get(source or "") if kind in ("frontend", "backend", "listen") else None
            section = ProxySection(kind, name, file.name, start + 1, inner, inherits)
            sections.append(section)
            if kind == "defaults":
                defaults[""] = defaults[name] = section
    return sections


def _opens(line: str) -> bool:
    return bool(SECTION.match(line.strip()) or OTHER_SECTION.match(line))


def _said(section: ProxySection, setting: Setting) -> Said:
    return said_at(section.file, setting.first + 1, setting.text)


def _timeout(section: ProxySection, option: str) -> Iterator[Finding]:
    found_here = section.setting(f"timeout {option}")
    if found_here:
        said, value = _said(*found_here), found_here[1].value
        finding = limit_found(f"haproxy.timeout {option}", time_of(value, "ms"), value, said)
        if finding:
            yield finding
    elif option in ("client", "server"):
        who = "client" if option == "client" else "app"
        said = by_default(section.file, f"timeout {option}", "of no limit", f"{section.kind} {section.name}")
        symptom = f"HAProxy waits for ever for a silent {who}, which holds its place"
        yield finding_of(f"haproxy.timeout {option}", symptom, Weight.NOTE, said)


def _of_section(section: ProxySection) -> Iterator[Finding]:
    if section.kind in ("frontend", "listen"):
        yield from _timeout(section, "client")
        yield from _timeout(section, "http-request")
    if section.kind in ("backend", "listen"):
        yield from _timeout(section, "server")
        yield from _timeout(section, "queue")
    for setting in section.settings:
        said = _said(section, setting)
        if setting.option == "option http-buffer-request":
            symptom = "HAProxy waits for the whole body, or a full buffer, before it calls the app"
            yield finding_of("haproxy.http-buffer-request", symptom, Weight.NOTE, said)
        elif setting.option in ("http-request", "redirect"):
            yield from _rule(setting, said)
        elif setting.option == "maxconn" and (number_of(setting.value) or 0) < 100:
            symptom = f"uploads over {setting.value} at once wait"
            yield finding_of("haproxy.maxconn", symptom, Weight.NOTE, said)
        elif setting.option == "server" and (most := re.search(r"\bmaxconn\s+(\d{1,2})\b", setting.value)):
            yield finding_of("haproxy.maxconn", f"uploads over {most[1]} at once wait", Weight.NOTE, said)


def _rule(setting: Setting, said: Said) -> Iterator[Finding]:
    rule = setting.value if setting.option == "http-request" else f"redirect {setting.value}"
    if rule.startswith("wait-for-body"):
        symptom = "HAProxy waits for the body, or a full buffer, before it calls the app"
        yield finding_of("haproxy.http-request wait-for-body", symptom, Weight.NOTE, said)
    elif rule.startswith("redirect") and ("code" not in rule or DROPPING.search(rule)):
        symptom = "HAProxy answers a redirect after which clients send GET without the body"
        yield finding_of("haproxy.http-request redirect", symptom, Weight.NOTE, said)
    elif rule.startswith(("deny", "reject", "return status 413")) and BODY.search(rule):
        size = SIZE_RULE.search(rule)
        shown = (
            f"HAProxy refuses bodies over {format_size(int(size[1]))}"
            if size
            else "HAProxy refuses some uploads"
        )
        weight = weight_of("size", int(size[1]) if size else None)
        yield finding_of("haproxy.http-request deny", shown, weight, said)


def _of_all(files: Sequence[ConfigFile], sections: Sequence[ProxySection]) -> Iterator[Finding]:
    """Find what HAProxy sets once for all: its buffer, and the window of HTTP/2."""
    if not any(section.kind in ("frontend", "listen") for section in sections):
        return
    settings = {setting.option: (section, setting) for section in sections for setting in section.settings}
    buffer = settings.get("tune.bufsize")
    size_bytes = config_size(buffer[1].value) if buffer else STOCK_BUFFER_BYTES
    if size_bytes is not None and size_bytes <= STOCK_BUFFER_BYTES:
        said = _said(*buffer) if buffer else by_default(files[0].name, "tune.bufsize", "of 16384 bytes")
        finding = limit_found("haproxy.tune.bufsize", size_bytes, "", said)
        if finding:
            yield finding
    speaks = [
        (section, setting)
        for section in sections
        for setting in section.settings
        if setting.option == "bind" and re.search(r"\bh2\b", setting.value)
    ]
    window = next((settings[name] for name in WINDOWS if name in settings), None)
    window_bytes = config_size(window[1].value) if window else STOCK_WINDOW_BYTES
    if speaks and window_bytes is not None and window_bytes <= STOCK_WINDOW_BYTES:
        default = by_default(files[0].name, WINDOWS[0], "of 64 KiB")
        said = (
            _said(*window)
            if window
            else Said(default.place, (*default.evidence, *_said(*speaks[0]).evidence))
        )
        symptom = "uploads over HTTP/2 from far away are slow: 64 KiB for each round trip before HAProxy 3.2"
        yield finding_of("haproxy.tune.h2.fe.initial-window-size", symptom, Weight.NOTE, said)
