"""``doctor --config FILES``: the lines, and the missing lines, that limit, buffer or lose uploads."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from uploadlab.doctoring.causes import cause_of
from uploadlab.doctoring.config_rules.command_lines import command_lines
from uploadlab.doctoring.config_rules.commands import config_of, given_by
from uploadlab.doctoring.config_rules.gunicorn import gunicorn_reading
from uploadlab.doctoring.config_rules.languages import READERS, language_of
from uploadlab.doctoring.config_rules.nginx import proxies_by_http, takes_whole_bodies
from uploadlab.doctoring.config_rules.saying import ConfigFile, FarLimit, ReadConfig, as_note
from uploadlab.doctoring.config_rules.signs import ConfigLanguage
from uploadlab.doctoring.config_rules.uwsgi import uwsgi_reading
from uploadlab.errors import UsageError, problem_of
from uploadlab.model.diagnoses import Confidence, Diagnosis, Finding, Weight
from uploadlab.plain_text import plain

STDIN = "-"
MOST_BYTES = 1 << 20
"""Of a file that are read; no config is longer."""
MOST_EVIDENCE = 4
"""Sentences of one finding."""
RANKS = (
    *("chunked", "framing", "size", "form", "duration", "window", "buffering", "spool"),
    *("redirect", "login", "method", "answer", "silence", "rate", "early", "head", "waiting", "tls", "app"),
)
"""Effects, those first that hurt uploads most where two findings weigh the same."""
WEIGHTS, SURENESS = list(Weight), list(Confidence)
SHIELDED = ("gunicorn.workers", "uwsgi.processes", "uwsgi.socket-timeout")
"""What slow clients cannot reach behind a front that takes the whole body first."""
CHUNKED = ("uwsgi.chunked-input", "uwsgi.http-chunked-input")
"""What a front that gives each body a length makes good."""
OWN_WORK = ("gunicorn.timeout", "uwsgi.harakiri")
"""Limits that then count only the app's own work."""

OVERRIDDEN = {ConfigLanguage.GUNICORN: gunicorn_reading, ConfigLanguage.UWSGI: uwsgi_reading}
"""Whose options a command line may set too."""
Grouped = dict[ConfigLanguage, list[ConfigFile]]


def config_findings(name: str, text: str) -> list[Finding]:
    """Return what one config limits, buffers or loses, the worst first; raise UsageError."""
    file = ConfigFile(name, text)
    return ordered(READERS[language_of(name, text)]([file]).findings)


def read_configs(paths: Sequence[Path]) -> Diagnosis:
    """Return what these configs say of uploads together, - for standard input.

    Raise UsageError if none of them can be read.
    """
    if not paths:
        raise UsageError(
            "no config is named: name one or more files, for example --config nginx.conf app.ini"
        )
    files = [ConfigFile(plain(str(path)), _text_of(path)) for path in dict.fromkeys(paths)]
    return diagnose_configs(files)


def diagnose_configs(files: Sequence[ConfigFile]) -> Diagnosis:
    """Return what these texts say of uploads together; raise UsageError if none of them can be read."""
    groups: Grouped = defaultdict(list)
    problems: list[UsageError] = []
    for file in files:
        try:
            groups[language_of(file.name, file.text)].append(file)
        except UsageError as error:
            problems.append(error)
    findings: list[Finding] = []
    unread: list[str] = []
    for language in (language for language in ConfigLanguage if language in groups):
        for group in _together(language, groups[language]):
            try:
                read = _read(language, group, groups)
            except UsageError as error:
                problems.append(error)
                continue
            findings += read.findings
            unread += read.unread
    if len(problems) == len(files):
        raise problems[0]
    return Diagnosis(
        subject=", ".join(file.name for file in files),
        hops=_hops(groups),
        findings=ordered(_without_refuted(findings, groups)),
        facts=[f"{file.name}: read as {language}" for language in groups for file in groups[language]],
        unasked=[*map(str, problems), *_not_given(unread, files)],
    )


def _hops(groups: Grouped) -> list[str]:
    """Return what the configs are of, outermost first; of command lines, the programs."""
    commands = [line for file in groups.get(ConfigLanguage.COMMANDS, []) for line in command_lines(file)]
    languages = (
        language for language in ConfigLanguage if language in groups and language != ConfigLanguage.COMMANDS
    )
    return list(dict.fromkeys([*map(str, languages), *(command.program for command in commands)]))


def _read(language: ConfigLanguage, files: Sequence[ConfigFile], groups: Grouped) -> ReadConfig:
    """Return what files that are read as one say; a command line that names a config overrides it."""
    if language not in OVERRIDDEN:
        return READERS[language](files)
    commands = [line for file in groups.get(ConfigLanguage.COMMANDS, []) for line in command_lines(file)]
    names = {file.name.rpartition("/")[2] for file in files}
    naming = (command for command in commands if config_of(command).rpartition("/")[2] in names)
    overriding = next((given_by(command) for command in naming), {})
    return OVERRIDDEN[language](files, overriding)


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings once for each cause and place, the worst first, then the surest."""
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        first = merged.setdefault((finding.cause, finding.place), finding)
        new = [sentence for sentence in finding.evidence if sentence not in first.evidence]
        if new:
            evidence = [*first.evidence, *new][:MOST_EVIDENCE]
            weight = min(first.weight, finding.weight, key=WEIGHTS.index)
            merged[finding.cause, finding.place] = replace(first, evidence=evidence, weight=weight)
    return sorted(merged.values(), key=_order)


def _order(finding: Finding) -> tuple[int, int, bool, int]:
    effect = cause_of(finding.cause).effect
    rank = RANKS.index(effect) if effect in RANKS else len(RANKS)
    is_far = isinstance(finding, FarLimit)
    return WEIGHTS.index(finding.weight), SURENESS.index(finding.confidence), is_far, rank


def _text_of(path: Path) -> str:
    if str(path) == STDIN:
        return sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder: name the files in it, for example {path}/*.conf")
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {problem_of(error)}; name a config that you may read"
        ) from None
    except ValueError:
        raise UsageError(f"{plain(str(path))!r} is no path: name a config") from None


def _together(language: ConfigLanguage, files: list[ConfigFile]) -> list[list[ConfigFile]]:
    """Return which files are read as one: those that include one another, or add to one another."""
    as_one = (ConfigLanguage.NGINX, ConfigLanguage.APACHE, ConfigLanguage.HAPROXY, ConfigLanguage.CADDY)
    return [files] if language in as_one else [[file] for file in files]


def _not_given(unread: Sequence[str], files: Sequence[ConfigFile]) -> list[str]:
    """Return what was not read because it was not named."""
    names = {file.name.rpartition("/")[2] for file in files}
    left = [line for line in dict.fromkeys(unread) if line.split()[-1].rpartition("/")[2] not in names]
    return [f"{line}, which was not read: name it too" for line in left]


def _without_refuted(findings: Sequence[Finding], groups: Grouped) -> list[Finding]:
    """Return the findings that no other file of the same call refutes.

    Behind an nginx that takes bodies whole, the app's server meets no slow client, and by HTTP no chunks.
    """
    nginx = groups.get(ConfigLanguage.NGINX, [])
    front = takes_whole_bodies(nginx) if nginx else ""
    if not front:
        return list(findings)
    refuted = {*SHIELDED, *(CHUNKED if proxies_by_http(nginx) else ())}
    why = f"nginx takes the whole body first, by {front}, so only the app's own work counts"
    return [
        as_note(finding, why) if finding.cause in OWN_WORK else finding
        for finding in findings
        if finding.cause not in refuted
    ]
