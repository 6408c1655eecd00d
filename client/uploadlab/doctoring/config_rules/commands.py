"""What the command lines of servers limit, buffer or lose."""

import re
from collections.abc import Iterator, Sequence

from uploadlab.doctoring.config_rules.command_lines import CommandLine, command_lines, options_of
from uploadlab.doctoring.config_rules.gunicorn import gunicorn_findings, worker_of
from uploadlab.doctoring.config_rules.options import Given, Options
from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    by_default,
    finding_of,
    limit_found,
    said_at,
)
from uploadlab.doctoring.config_rules.uwsgi import uwsgi_findings
from uploadlab.doctoring.config_rules.values import number_of
from uploadlab.model.diagnoses import Confidence, Finding, Weight

GUNICORN_SHORT = {"b": "bind", "w": "workers", "k": "worker-class", "t": "timeout", "c": "config"}
UWSGI_SHORT = {
    "p": "processes",
    "z": "socket-timeout",
    "t": "harakiri",
    "b": "buffer-size",
    "l": "listen",
    "s": "socket",
}
GUNICORN_NAMES = {"keep-alive": "keepalive", "limit-request-field_size": "limit_request_field_size"}
LIMITS = {
    "waitress-serve": (
        ("max-request-body-size", "waitress.max_request_body_size", "1073741824"),
        ("channel-timeout", "waitress.channel_timeout", "120"),
        ("max-request-header-size", "waitress.max_request_header_size", "262144"),
    ),
    "hypercorn": (("read-timeout", "hypercorn.read_timeout", "0"),),
    "uvicorn": (("h11-max-incomplete-event-size", "uvicorn.h11_max_incomplete_event_size", "16384"),),
}
"""Of each server: options, their causes and defaults."""
WSGI_APP = re.compile(r"(?:^|[./])wsgi(?::|$)")
"""An app that is WSGI by its name."""
LOST = "Flask stores an empty file for each chunked body and answers with success"


def commands_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of every command in these files that starts a server."""
    findings, unread = [], []
    for file in files:
        for command in command_lines(file):
            findings += [finding for finding in _of_command(command) if finding]
            config = config_of(command)
            unread += [f"{file.name}:{command.line} reads {config}"] if config else []
    return ReadConfig(findings, unread)


def config_of(command: CommandLine) -> str:
    """Return the path of the config that a command names; empty if there is none."""
    options = options_of(command.words, {"c": "config"})
    if command.program == "uwsgi":
        path = next(
            (word for word in command.words if word.endswith(".ini") and not word.startswith("-")), ""
        )
        return options.get("ini") or path
    return options.get("config", "").removeprefix("file:").removeprefix("python:")


def _of_command(command: CommandLine) -> Iterator[Finding | None]:
    has_config = bool(config_of(command))  # which has most of it
    if command.program not in ("gunicorn", "uwsgi"):
        yield from _losses(command)
    if has_config:
        return
    if command.program == "gunicorn":
        options = Options(command.file, given_by(command))
        yield from gunicorn_findings(options, worker_of(options))
    elif command.program == "uwsgi":
        yield from uwsgi_findings(Options(command.file, given_by(command)))
    else:
        yield from _limits(command)


def _said(command: CommandLine) -> Said:
    return said_at(command.file, command.line, command.text)


def given_by(command: CommandLine) -> dict[str, Given]:
    """Return the options of a command of gunicorn or uWSGI by the names that they have in a config."""
    if command.program == "uwsgi":
        options = options_of(command.words, UWSGI_SHORT)
    else:
        options = {
            GUNICORN_NAMES.get(name, name.replace("-", "_")): value
            for name, value in options_of(command.words, GUNICORN_SHORT).items()
        }
    return {name: Given(value, _said(command)) for name, value in options.items()}


def _limits(command: CommandLine) -> Iterator[Finding | None]:
    given = options_of(command.words, {})
    for option, cause, default in LIMITS.get(command.program, ()):
        value = given.get(option, default)
        said = _said(command) if option in given else by_default(command.file, f"--{option}", f"of {default}")
        yield limit_found(cause, number_of(value), value, said)


def _losses(command: CommandLine) -> Iterator[Finding]:
    interface = options_of(command.words, {}).get("interface", "")
    app = next((word for word in reversed(command.words) if ":" in word), "")
    if command.program == "hypercorn" and WSGI_APP.search(app):
        said = _said(command)
        sure = said if app.startswith("wsgi:") else said._replace(confidence=Confidence.LIKELY)
        yield finding_of("hypercorn.input_terminated", LOST, Weight.LOSS, sure)
        symptom = "hypercorn refuses every body over 16 MiB"
        yield finding_of("hypercorn.wsgi_max_body_size", symptom, Weight.PROBLEM, sure)
    elif command.program == "uvicorn" and (interface == "wsgi" or "a2wsgi" in app):
        said = _said(command)
        sure = said if interface == "wsgi" else said._replace(confidence=Confidence.LIKELY)
        yield finding_of("uvicorn.a2wsgi input_terminated", LOST, Weight.LOSS, sure)
    elif command.program == "pyvoy" and interface == "wsgi":
        yield finding_of("pyvoy.input_terminated", LOST, Weight.LOSS, _said(command))
    elif command.program == "granian" and interface == "wsgi":
        symptom = "a body that its client cuts is handed on as if it were whole"
        yield finding_of("granian.cut-bodies", symptom, Weight.NOTE, _said(command))
