"""What Apache's configs limit, buffer or lose."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from uploadlab.declared.config_syntax import APACHE, parse_config
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
from uploadlab.model.diagnoses import Confidence, Finding, Weight

PART = re.compile(r"(handshake|header|body)=(\d+)(?:-(\d+))?(?:,minrate=(\d+))?", re.IGNORECASE)
STOCK_HEADER_BYTES = 8190
GIB_TEXT = "of 1 GiB since 2.4.54, and no limit before,"
DROPPING = ("301", "302", "303", "permanent", "temp", "seeother")
MOST_PARTS = 20
"""Words of a line that are looked at."""


class Directive(NamedTuple):
    """A line of an Apache config."""

    name: str
    value: str
    said: Said

    @property
    def words(self) -> list[str]:
        """Return its values, without quotes."""
        return [word.strip("\"'") for word in self.value.split()]


class ApacheConfig(NamedTuple):
    """All lines of the files together, as Apache reads them."""

    files: Sequence[ConfigFile]
    directives: list[Directive]
    includes: list[str]

    def all(self, name: str) -> list[Directive]:
        """Return all lines of a directive; names count in any case."""
        return [line for line in self.directives if line.name.lower() == name.lower()]

    def has(self, *beginnings: str) -> bool:
        """Tell whether some line's directive begins with one of these."""
        return any(
            line.name.lower().startswith(tuple(map(str.lower, beginnings))) for line in self.directives
        )

    def default(self, setting: str, default: str) -> Said:
        """Return that no line sets a directive."""
        return by_default(self.files[0].name, setting, default, unread=self.includes)


def apache_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Apache's files, read as one."""
    directives, includes = [], []
    for file in files:
        text = re.sub(r"\\\n", " \x00", file.text)  # a line goes on; each mark counts as a line
        lost = [line.count("\x00") for line in text.splitlines()]
        for setting in parse_config(f"config{APACHE}", text.replace("\x00", " ")):
            number = setting.first + 1 + sum(lost[: setting.first])
            directives.append(
                Directive(setting.option, setting.value, said_at(file.name, number, setting.text))
            )
            if setting.option.lower() in ("include", "includeoptional"):
                includes.append(f"{file.name}:{number} includes {setting.value}")
    config = ApacheConfig(files, directives, includes)
    findings = [*_sizes(config), *_times(config), *_wsgi(config), *_refusals(config)]
    return ReadConfig([finding for finding in findings if finding], includes)


def _sizes(config: ApacheConfig) -> Iterator[Finding | None]:
    lines = config.all("LimitRequestBody")
    for line in lines:
        yield limit_found("apache.LimitRequestBody", number_of(line.value), line.value, line.said)
    if not lines and config.has(
        "WSGIScriptAlias", "WSGIDaemonProcess"
    ):  # a proxied body has no default limit
        yield limit_found(
            "apache.LimitRequestBody", 1 << 30, "", config.default("LimitRequestBody", GIB_TEXT)
        )
    for name in ("LimitRequestFieldSize", "LimitRequestLine"):
        heads = config.all(name)
        for line in heads:
            if (number_of(line.value) or 0) <= STOCK_HEADER_BYTES:
                yield limit_found(f"apache.{name}", number_of(line.value), line.value, line.said)
        if not heads and _serves(config):
            yield limit_found(f"apache.{name}", STOCK_HEADER_BYTES, "", config.default(name, "of 8190 bytes"))


def _serves(config: ApacheConfig) -> bool:
    return config.has("ProxyPass", "WSGIScriptAlias", "RewriteRule")


def _times(config: ApacheConfig) -> Iterator[Finding | None]:
    for line in config.all("Timeout"):
        yield limit_found("apache.Timeout", number_of(line.value), line.value, line.said)
    if not config.all("Timeout") and _serves(config):
        yield limit_found("apache.Timeout", 60, "", config.default("Timeout", "of 60 s"))
    for line in config.all("ProxyTimeout"):
        yield limit_found("apache.ProxyTimeout", number_of(line.value), line.value, line.said)
    untimed = [
        line for line in config.all("ProxyPass") if "timeout=" not in line.value and "!" not in line.words
    ]
    if untimed and not config.all("ProxyTimeout"):
        timeout = next((number_of(line.value) for line in config.all("Timeout")), 60)
        said = config.default("ProxyTimeout", "of Timeout's value")
        yield limit_found("apache.ProxyTimeout", timeout, "the value of Timeout", said)
    for line in config.all("ProxyPass"):
        if timed := re.search(r"\btimeout=(\d+)", line.value):
            yield limit_found("apache.ProxyTimeout", int(timed[1]), "", line.said)
    yield from _rates(config)


def _rates(config: ApacheConfig) -> Iterator[Finding | None]:
    lines = config.all("RequestReadTimeout")
    for line in lines:
        for what, first, last, rate in PART.findall(line.value):
            if what.lower() == "body":
                yield _rate(line.said, int(first), last, rate)
    loads = [line.words[:1] for line in config.all("LoadModule")]
    is_loaded = ["reqtimeout_module"] in loads
    if (
        not any("body=" in line.value.lower() for line in lines)
        and _serves(config)
        and (is_loaded or not loads)
    ):
        said = config.default("RequestReadTimeout", "body=20,MinRate=500")
        doubt = () if is_loaded else ("only if mod_reqtimeout is loaded",)
        sure = said.confidence if is_loaded else Confidence.POSSIBLE
        yield _rate(Said(said.place, (*said.evidence, *doubt), sure), 20, "", "500")


def _rate(said: Said, seconds: int, most: str, rate: str) -> Finding | None:
    if not rate or most:
        return limit_found("apache.RequestReadTimeout", float(most or seconds), "", said, effect="duration")
    symptom = (
        f"Apache ends an upload that pauses at its start for {seconds} s, or has under {rate} bytes a second"
    )
    return finding_of("apache.RequestReadTimeout", symptom, Weight.NOTE, said) if seconds else None


def _wsgi(config: ApacheConfig) -> Iterator[Finding | None]:
    if config.has("WSGIScriptAlias", "WSGIDaemonProcess"):
        lines = config.all("WSGIChunkedRequest")
        if not any(line.value.lower() == "on" for line in lines):
            said = lines[-1].said if lines else config.default("WSGIChunkedRequest", "Off")
            yield finding_of(
                "apache.WSGIChunkedRequest", "mod_wsgi answers 411 to each chunked body", Weight.PROBLEM, said
            )
    for line in config.all("WSGIDaemonProcess"):
        options = dict(word.partition("=")[::2] for word in line.words[:MOST_PARTS])
        timeout = options.get("request-timeout", "0")
        yield limit_found("apache.WSGIDaemonProcess request-timeout", time_of(timeout), timeout, line.said)
        if time_of(options.get("queue-timeout", "0")):
            symptom = f"an upload that waits over {options['queue-timeout']} s for a free thread is a 503"
            yield finding_of("apache.WSGIDaemonProcess queue-timeout", symptom, Weight.NOTE, line.said)
        places = (number_of(options.get("processes", "1")) or 0) * (
            number_of(options.get("threads", "15")) or 0
        )
        if 0 < places <= 15:
            symptom = f"{places} slow clients hold up all other uploads"
            yield finding_of("apache.WSGIDaemonProcess threads", symptom, Weight.NOTE, line.said)


def _refusals(config: ApacheConfig) -> Iterator[Finding | None]:
    for line in config.all("Protocols"):
        if "h2" in line.words and not config.all("H2WindowSize"):
            symptom = "uploads over HTTP/2 from far away are slow: 64 KiB for each round trip"
            yield finding_of("apache.H2WindowSize", symptom, Weight.NOTE, line.said)
    for line in [*config.all("SetEnv"), *config.all("SetEnvIf")]:
        if re.search(r"\bproxy-sendcl\b", line.value):
            symptom = "Apache takes each chunked body to disk before it calls the app"
            yield finding_of("apache.proxy-sendcl", symptom, Weight.NOTE, line.said)
    for line in [*config.all("Redirect"), *config.all("RedirectMatch"), *config.all("RedirectPermanent")]:
        if line.words[:1] and (line.words[0].lower() in DROPPING or line.words[0].startswith(("/", "^"))):
            symptom = "Apache answers a redirect after which clients send GET without the body"
            yield finding_of("apache.Redirect", symptom, Weight.NOTE, line.said)
    for line in config.all("Require"):
        if line.words[:1] in (["valid-user"], ["user"], ["group"]):
            yield finding_of(
                "apache.Require", "Apache answers 401 to an upload without a login", Weight.NOTE, line.said
            )
