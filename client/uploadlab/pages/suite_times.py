"""How long the parts of the test suite take: written from pytest's JUnit XML, shown in docs/architecture.md.

    python -m uploadlab.pages.suite_times JUNIT.xml

writes benchmark/suite-times.json; ``./scripts/suite-times`` is the same.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from uploadlab.errors import problem_of
from uploadlab.pages.part import page_part, untitled
from uploadlab.paths import BENCHMARK

KEPT = BENCHMARK / "suite-times.json"
LEAST_SHARE = 0.01
"""Groups that take less of the whole are shown together."""


class FileTimes(msgspec.Struct, frozen=True):
    """What the tests of a file took."""

    tests: int
    seconds: float
    """The tests of a file run one after the other; set-up and tear-down are included."""
    skipped: int = 0


class SuiteTimes(msgspec.Struct, frozen=True):
    """What one run of the suite took."""

    measured: str
    """The date."""
    seconds: float
    """From the beginning to the end; several processes share the tests."""
    files: dict[str, FileTimes]
    """By the names of test files, without ``test_`` and ``.py``."""


def read_junit(path: Path) -> SuiteTimes:
    """Return what a run of pytest wrote; raise OSError, ValueError for what is no such file."""
    try:
        suites = list(ElementTree.parse(path).iter("testsuite"))  # noqa: S314  pytest of this checkout wrote it
        measured = suites[0].attrib["timestamp"][:10]
        cases = [case for suite in suites for case in suite.iter("testcase")]
        found = defaultdict(list)
        for case in cases:
            found[_file(case.attrib["classname"])].append(case)
        files = {
            name: FileTimes(
                len(found[name]),
                round(sum(float(case.attrib["time"]) for case in found[name]), 1),
                sum(case.find("skipped") is not None for case in found[name]),
            )
            for name in sorted(found)
        }
        seconds = round(sum(float(suite.attrib["time"]) for suite in suites), 1)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"{path}: no JUnit XML of pytest: {error}") from None
    return SuiteTimes(measured, seconds, files)


def _file(classname: str) -> str:
    """Return the name of the file; a class within it, if any, comes after the file's name."""
    names = [part for part in classname.split(".") if part.startswith("test_")]
    return names[0].removeprefix("test_")


def by_first_word(files: Mapping[str, FileTimes]) -> dict[str, list[FileTimes]]:
    """Return the files that share the first word of their names, by that word; the longest group first."""
    groups = defaultdict(list)
    for name, times in files.items():
        groups[name.partition("_")[0]].append(times)
    return dict(sorted(groups.items(), key=lambda item: -_seconds(item[1])))


def _seconds(files: list[FileTimes]) -> float:
    return sum(times.seconds for times in files)


@page_part
def suite_times() -> str:
    """Return the time that each group of test files took."""
    if not KEPT.exists():
        return "They have not been measured yet.\n"
    kept = msgspec.json.decode(KEPT.read_bytes(), type=SuiteTimes)
    every = list(kept.files.values())
    skipped = sum(times.skipped for times in every)
    counted = f"{_tests(every)} tests ({skipped} skipped)" if skipped else f"{_tests(every)} tests"
    rows = untitled(["test files", "files", "tests", "seconds"], _rows(kept.files))
    return (
        f"Measured on {kept.measured}: {counted} took {_minutes(kept.seconds)} from beginning to end.\n"
        f"One after the other they would take {_minutes(_seconds(every))}: several processes share them.\n"
        f"\n{rows}"
    )


def _rows(files: Mapping[str, FileTimes]) -> Iterator[list[str]]:
    """Yield the row of each group, and one for all small groups together."""
    least = LEAST_SHARE * _seconds(list(files.values()))
    small: list[FileTimes] = []
    for word, group in by_first_word(files).items():
        if _seconds(group) < least:
            small += group
        else:
            name = f"`test_{word}*`" if len(group) > 1 else f"`test_{next(_named(word, files))}`"
            yield [name, *_figures(group)]
    if small:
        yield ["all others", *_figures(small)]


def _named(word: str, files: Mapping[str, FileTimes]) -> Iterator[str]:
    return (name for name in files if name.partition("_")[0] == word)


def _figures(group: list[FileTimes]) -> list[str]:
    return [str(len(group)), str(_tests(group)), f"{_seconds(group):.0f}"]


def _tests(group: list[FileTimes]) -> int:
    return sum(times.tests for times in group)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def main() -> None:
    """Write the kept times from the JUnit XML that is named."""
    if len(sys.argv) != 2 or re.match("-", sys.argv[1]):
        sys.exit("usage: suite-times JUNIT.xml, which ./scripts/test.sh --junitxml=JUNIT.xml writes")
    try:
        times = read_junit(Path(sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.exit(f"suite-times: {problem_of(error)}")
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=1) + b"\n")


if __name__ == "__main__":
    main()
