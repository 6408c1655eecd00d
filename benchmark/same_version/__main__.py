"""``./scripts/same-version``: compares versions with themselves; each should be no different from itself."""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from uploadlab.analysis.comparison import SECONDS, Found, found
from uploadlab.errors import LabError
from uploadlab.pages.regressions import SAME_VERSION_RESULTS, SameVersion, is_same, read_same_versions
from uploadlab.paths import ROOT, RUNS
from uploadlab.presenting.comparison_answer import outcome_of
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.stored_runs import last_run

MINUTES = 0.9
"""Of uploads in each comparison; starting servers takes some seconds more."""


class SamePlace(NamedTuple):
    """A version that is compared with itself, and where."""

    side: str
    place: str
    methods: str


PLACES = (
    SamePlace("gunicorn==27.0.1", "gunicorn", "request.stream,request.files-direct"),
    SamePlace("gunicorn==26.2.0", "gunicorn-gthread", "request.stream,multipart-push"),
    SamePlace("werkzeug==3.1.9", "flask", "request.stream,request.files"),
    SamePlace("werkzeug==3.0.6", "uwsgi-tuned", "request.files-direct,multipart-push"),
    SamePlace("urllib3==2.8.0", "gunicorn-gthread", "requests.stream,requests.form"),
)


def main() -> int:
    """Compare in turn; print a line for each, and return 1 if more than one in twenty shows a difference."""
    asked = _parser().parse_args()
    run = Path(asked.run) if asked.run else RUNS / f"same-version-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    run.mkdir(parents=True, exist_ok=True)
    results = run / SAME_VERSION_RESULTS.name
    done = len(read_same_versions(results)) if results.exists() else 0
    with results.open("ab") as file:
        for number, place in islice(enumerate(_in_turn(), 1), done, asked.comparisons):
            result = compared(place, number, asked.minutes, asked.size, run)
            file.write(msgspec.json.encode(result) + b"\n")
            file.flush()
            effects = ", ".join(f"{method}: {effect}" for method, effect in result.effects.items())
            print(f"{number}/{asked.comparisons} {place.side} on {place.place}: {effects}", flush=True)
    all_results = read_same_versions(results)
    different = sum(not is_same(result) for result in all_results)
    print(f"{len(all_results) - different} of {len(all_results)} show no difference. {results}")
    return 1 if different > max(1, len(all_results) // 20) else 0


def compared(place: SamePlace, seed: int, minutes: float, size: str, run: Path) -> SameVersion:
    """Compare a version with itself once; exit with the lab's words if that fails."""
    words = [
        "compare", place.side, place.side, "--deployments", place.place, "--methods", place.methods,
        "--sizes", size, "--minutes", f"{minutes:g}", "--seed", str(seed),
        "--runtime", "local", "--out", str(run),
    ]  # fmt: skip
    started = time.time()
    process = subprocess.run(
        [str(ROOT / "scripts" / "lab"), *words], capture_output=True, text=True, check=False
    )
    stored = read_run_folder(last_run(run))
    groups = found(stored.run, stored.rows)
    if process.returncode not in (0, 1) or not groups:
        sys.exit(f"same-version: {' '.join(words)} ended with {process.returncode}: {process.stderr[-500:]}")
    print(f"  {time.time() - started:.0f} s", end="", flush=True)
    return result_of(place, seed, groups)


def result_of(place: SamePlace, seed: int, groups: list[Found]) -> SameVersion:
    """Return what a comparison says."""
    lines = [line for group in groups for line in group.lines]
    speeds = [judged for line in lines if (judged := line.verdicts.get(SECONDS))]
    return SameVersion(
        place.side,
        place.place,
        seed,
        f"{datetime.now(UTC):%Y-%m-%d}",
        min((line.rounds for line in lines), default=0),
        {line.method: outcome_of(line) for line in lines},
        max((judged.resolution for judged in speeds), default=0.0),
    )


def _in_turn() -> Iterator[SamePlace]:
    while True:
        yield from PLACES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="same-version", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=20, metavar="N", help="How many.  [default: 20]")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, metavar="N", help="Of each.  [default: 0.9]"
    )
    parser.add_argument("--size", default="64MiB", help="Of the files.  [default: 64MiB]")
    parser.add_argument("--run", metavar="FOLDER", help="Where results go; one that is there is continued.")
    return parser


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(main())
        except LabError as error:
            sys.exit(f"same-version: {error}")
    sys.exit(130)
