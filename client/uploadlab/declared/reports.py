"""configs/reports/: public reports about large uploads, and what the lab answers to each."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from msgspec import Struct

from uploadlab.declared.toml_files import read_toml
from uploadlab.errors import UsageError
from uploadlab.paths import REPORTS

REPRODUCED, PUBLISHED, LEFT_OUT = "reproduced", "published", "left-out"
NEEDED = {REPRODUCED: ("command", "shows"), PUBLISHED: ("published",), LEFT_OUT: ("reason",)}
"""The fields that only reports with this answer have, and must have."""
FAULT, FIX = "fault", "fix"
COUNT = 57
"""Reports that were collected, numbered from 1."""
THREAD = re.compile(r"[\w.-]+/[\w.-]+#\d+")
FILES = ("fronts", "platforms", "servers", "clients")
"""The files of the folder, in the order of their numbers."""


class Shown(Struct, frozen=True, forbid_unknown_fields=True, rename={"part": "is"}):
    """A row that the command of a report produces; what is empty may be anything."""

    part: str
    """``fault`` or ``fix``; in the file: ``is``."""
    at: str = ""
    """The deployment, or the client that was checked."""
    case: str = ""
    """Of a check; every row of it that the other fields choose must agree, and there must be a row."""
    method: str = ""
    """Of a run, in place of ``case``."""
    link: str = ""
    verdict: str = ""
    """Of a check: ``silent loss``; of a run, its status: ``refused``."""
    code: str = ""
    route: str = ""
    label: str = ""
    says: str = ""
    """A part of the row's text, or of what the command printed."""
    slower_than: str = ""
    """Another method of the run: at the same deployment and link it took at most half the time."""
    unstored: bool = False
    """Nothing was stored, whether the client saw a refusal or a reset."""
    any_row: bool = False
    """At least one row must agree, not all."""
    only_kept: bool = False
    """Too slow for a test: it is read in the kept runs only."""


class Publication(Struct, frozen=True, forbid_unknown_fields=True):
    """A dated page that explains a report which the lab has not reproduced."""

    url: str
    read: date
    says: str


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """A public report, and what the lab answers."""

    number: int
    sources: list[str]
    """``owner/repository#number``, or an address."""
    read: date
    """When we last read the sources."""
    symptom: str
    """What the user saw."""
    answer: str
    """One of the keys of ``NEEDED``."""
    cause: str
    see: str
    """The page and section below docs/ that explains the cause: ``findings.md#anchor``."""
    note: str = ""
    """How what was shown differs from what was reported."""
    command: list[str] = []
    """The words after ``lab``."""
    kept: list[str] = []
    """The kept runs that hold the rows, too."""
    shows: list[Shown] = []
    published: Publication | None = None
    reason: str = ""


class ReportsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the folder."""

    report: list[Report]


def load_reports(folder: Path = REPORTS) -> dict[str, list[Report]]:
    """Return the reports of each file by the file's name; raise UsageError that says what is wrong."""
    found = {name: read_toml(folder / f"{name}.toml", ReportsFile, _check).report for name in FILES}
    _check_numbers(found)
    return found


def link_of(source: str) -> str:
    """Return the address of a report's source."""
    if not THREAD.fullmatch(source):
        return source
    name, _, number = source.partition("#")
    return f"https://github.com/{name}/issues/{number}"


def _check(content: ReportsFile) -> None:
    for report in content.report:
        try:
            _check_report(report)
        except UsageError as error:
            raise UsageError(f"report {report.number}: {error}") from None


def _check_report(report: Report) -> None:
    if report.answer not in NEEDED:
        raise UsageError(f"answer = {report.answer!r}; choose from {', '.join(NEEDED)}")
    for answer, fields in NEEDED.items():
        for field in fields:
            if bool(getattr(report, field)) != (answer == report.answer):
                verb = "needs" if answer == report.answer else "has no use for"
                raise UsageError(f"answer = {report.answer!r} {verb} {field!r}")
    if wrong := [name for name in report.sources if not THREAD.fullmatch(name) and "https://" not in name]:
        raise UsageError(f"source {wrong[0]!r} is neither owner/repository#number nor an address")
    if not report.sources:
        raise UsageError("a report has a source")
    if report.shows and not any(shown.part == FAULT and not shown.only_kept for shown in report.shows):
        raise UsageError("shows no fault that its command reproduces")
    _check_shows(report.shows)


def _check_shows(shows: Iterable[Shown]) -> None:
    for shown in shows:
        if shown.part not in (FAULT, FIX):
            raise UsageError(f"is = {shown.part!r}; choose from {FAULT}, {FIX}")
        if shown.case and shown.method:
            raise UsageError("a row is of a check (case) or of a run (method), not of both")
        if not (shown.verdict or shown.code or shown.says or shown.slower_than or shown.unstored):
            raise UsageError("a row shows nothing: give verdict, code, says, slower_than or unstored")


def _check_numbers(found: Mapping[str, list[Report]]) -> None:
    numbers = [report.number for reports in found.values() for report in reports]
    if missing := sorted(set(range(1, COUNT + 1)) - set(numbers)):
        raise UsageError(f"{REPORTS.name}: no report {missing[0]}")
    if wrong := [number for number in numbers if numbers.count(number) > 1 or number > COUNT or number < 1]:
        raise UsageError(f"{REPORTS.name}: report {wrong[0]} stands there twice, or is not 1 to {COUNT}")
