"""``./scripts/resumed``: uploads that go on through faults, and what each deployment keeps of a cut body."""

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import msgspec
from uploadlab.catalogue.payloads import write_payload
from uploadlab.declared.compose import load_deployments
from uploadlab.errors import LabError
from uploadlab.model.deployments import CORE, GROUPS, REFERENCE, Deployment
from uploadlab.pages.resumed import (
    KEPT_PREFIXES,
    RESUMED_RESULTS,
    KeptPrefix,
    ResumedRun,
    read_kept_prefixes,
    read_resumed_runs,
)
from uploadlab.paths import COMPOSE, RUNS
from uploadlab.processes.groups import Processes
from uploadlab.units import MIB, format_size, parse_size

from benchmark.resumable.disk import SmallDisk
from benchmark.resumable.kept import kept_prefixes
from benchmark.resumable.place import Place
from benchmark.resumable.through_faults import UNHURRIED, Ground, Times, resumed

METHODS = ("resumable", "resumable-8m", "resumable-1m")
COPIES_OF_EACH = 3
"""Of a deployment run side by side: most of the time, a run waits."""
COPIES = 3
"""Of the file that the disk has room for: a server may spool the whole body beside the unfinished upload."""
SPARE_BYTES = 8 * MIB


def main() -> int:
    """Do what the words of the command say; return its exit code."""
    asked = _parser().parse_args()
    run = Path(asked.run) if asked.run else RUNS / f"resumed-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    run.mkdir(parents=True, exist_ok=True)
    deployments = load_deployments(COMPOSE)
    if asked.kept:
        return _measure_kept(run, chosen(deployments.values(), asked.deployments, GROUPS, stock=True))
    names = chosen(deployments.values(), asked.deployments, [CORE], stock=False)
    seeds = range(asked.first, asked.first + asked.runs)
    return _run_through_faults(run, names, seeds, parse_size(asked.size))


def chosen(
    deployments: Iterable[Deployment], names: Sequence[str], groups: Sequence[str], stock: bool
) -> list[Deployment]:
    """Return the deployments of these names, or of these groups, without references; raise LabError."""
    known = [each for each in deployments if each.tier != REFERENCE]
    if unknown := set(names) - {each.name for each in known}:
        raise LabError(f"no deployment {', '.join(sorted(unknown))}; ./scripts/lab list shows all")
    if names:
        return [each for each in known if each.name in names]
    return [each for each in known if each.group in groups and (stock or each.tier == "tuned")]


def share(seeds: Sequence[int], deployments: Sequence[Deployment]) -> dict[str, list[tuple[int, str]]]:
    """Return which seeds each deployment gets, and by which method: both take turns."""
    shares: dict[str, list[tuple[int, str]]] = {each.name: [] for each in deployments}
    for seed in seeds:
        turn, place = divmod(seed, len(deployments))
        shares[deployments[place].name].append((seed, METHODS[(turn + place) % len(METHODS)]))
    return shares


@contextmanager
def ground(
    processes: Processes, deployment: Deployment, folder: Path, size_bytes: int, times: Times = UNHURRIED
) -> Iterator[Ground]:
    """Run a deployment on a small disk of its own below a folder, until the end; raise LabError."""
    folder.mkdir()
    disk = SmallDisk(processes, folder / "disk", COPIES * size_bytes + SPARE_BYTES)
    settings = {
        "RESUMABLE_SECONDS": str(times.live_seconds),
        "SILENCE_SECONDS": str(times.server_silence_seconds),
    }
    try:
        place = Place(processes, deployment, disk.path, folder, settings)
        try:
            yield Ground(place, disk, times)
        finally:
            place.close()
    finally:
        disk.close()


def _run_through_faults(run: Path, deployments: list[Deployment], seeds: range, size_bytes: int) -> int:
    """Make the runs that the folder has no row of, all deployments at once; return 1 if one went wrong."""
    results = run / RESUMED_RESULTS.name
    have = {row.seed for row in read_resumed_runs(results)}
    shares = share([seed for seed in seeds if seed not in have], deployments)
    rows: Queue[ResumedRun | Exception] = Queue()
    with Processes() as processes:
        folder = processes.scratch(Path(tempfile.gettempdir()), "resumed", "set TMPDIR to another folder")
        folder.chmod(0o755)
        payload = write_payload(folder / "payload", size_bytes)

        def work(deployment: Deployment, copy: int) -> None:
            try:
                at = folder / f"{deployment.name}-{copy}"
                with ground(processes, deployment, at, size_bytes) as made:
                    for seed, method in shares[deployment.name][copy::COPIES_OF_EACH]:
                        rows.put(resumed(made, seed, method, payload))
            except Exception as error:
                rows.put(error)  # for the main thread, whatever it is

        workers = [
            threading.Thread(target=work, args=(deployment, copy), daemon=True)
            for deployment in deployments
            for copy in range(COPIES_OF_EACH)
            if shares[deployment.name][copy:]
        ]
        for worker in workers:
            worker.start()
        with results.open("ab") as file:
            for count in range(1, sum(map(len, shares.values())) + 1):
                row = rows.get()
                if isinstance(row, Exception):
                    raise row
                file.write(msgspec.json.encode(row) + b"\n")
                file.flush()
                print(f"{count} {line_of(row)}", flush=True)
        for worker in workers:
            worker.join()
    all_rows = read_resumed_runs(results)
    right = sum(not row.wrong for row in all_rows)
    print(f"{right} of {len(all_rows)} runs are right. {results}")
    return 0 if right == len(all_rows) else 1


def line_of(row: ResumedRun) -> str:
    """Return a run as a line of progress."""
    faults = ", ".join(f"{fault.kind} {fault.after_bytes}" for fault in row.faults) or "no fault"
    ended = f"WRONG: {'; '.join(row.wrong)}" if row.wrong else "right"
    sent = f"{row.sent_bytes:,} bytes in {row.seconds} s"
    return f"seed {row.seed}, {row.deployment}, {row.method}, {sent} ({faults}): {ended}"


def _measure_kept(run: Path, deployments: list[Deployment]) -> int:
    """Measure what each deployment keeps that the folder has no row of."""
    results = run / KEPT_PREFIXES.name
    have = {row.deployment for row in read_kept_prefixes(results)}
    todo = [deployment for deployment in deployments if deployment.name not in have]

    def measured(deployment: Deployment) -> list[KeptPrefix]:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            return kept_prefixes(deployment, Path(folder), Path(folder))

    with ThreadPoolExecutor(2) as pool, results.open("ab") as file:
        for rows in pool.map(measured, todo):
            for row in rows:
                file.write(msgspec.json.encode(row) + b"\n")
                kept = "?" if row.kept_bytes is None else format_size(row.kept_bytes)
                print(f"{row.deployment}, {row.cut}: {kept} kept, {row.seconds} s {row.problem}", flush=True)
            file.flush()
    print(results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resumed", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, metavar="N", help="How many.  [default: 100]")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="The first seed.  [default: 0]")
    parser.add_argument("--size", default="64MiB", help="Of the files.  [default: 64MiB]")
    parser.add_argument(
        "--deployments", nargs="+", default=[], metavar="NAME",
        help="Only these.  [default: the tuned ones of the core; with --kept, all]",
    )  # fmt: skip
    parser.add_argument(
        "--kept", action="store_true", help="Measure what each keeps of a body that is cut; no runs."
    )
    parser.add_argument("--run", metavar="FOLDER", help="Where results go; one that is there is continued.")
    return parser


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(main())
        except LabError as error:
            sys.exit(f"resumed: {error}")
    sys.exit(130)
