"""``./scripts/planted``: proves planted faults, and prints how often the doctor finds them."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from uploadlab.pages.doctor import families_table, goals_table, misses_table
from uploadlab.pages.planted import PLANTED_RESULTS, PlantedAnswer, read_planted
from uploadlab.paths import RUNS

from benchmark.planted.asking import ask
from benchmark.planted.catalogue import chosen, is_held_out
from benchmark.planted.stack import Stack
from benchmark.planted.verifying import verify

AT_ONCE = 3
Item = TypeVar("Item")
Done = TypeVar("Done")


def main() -> int:
    """Do what the words of the command say; return its exit code."""
    asked = _parser().parse_args()
    try:
        stacks = chosen(asked.families, asked.stacks, asked.held_out, asked.sample)
    except ValueError as error:
        sys.exit(f"planted: {error}")
    if asked.list:
        for stack in stacks:
            held = " (held out)" if is_held_out(stack) else ""
            wanted = ", ".join(sorted(stack.expected)) or "nothing"
            print(f"{stack.name:24} {stack.family}{held}: {stack.says} -> {wanted}")
        return 0
    folder = Path(asked.folder)
    if asked.verify:
        return _verify(stacks, folder, asked.at_once)
    run = Path(asked.run) if asked.run else RUNS / f"planted-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return _ask(stacks, folder, run, asked.at_once, [True] if asked.only_far_end else [False, True])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="planted", description=__doc__)
    parser.add_argument("--list", action="store_true", help="Print the stacks, and start none.")
    parser.add_argument(
        "--verify", action="store_true", help="Prove that each fault is there; the doctor is not asked."
    )
    parser.add_argument(
        "--families", nargs="+", default=[], metavar="NAME", help="Only stacks of these; healthy is one."
    )
    parser.add_argument("--stacks", nargs="+", default=[], metavar="NAME", help="Only these stacks.")
    parser.add_argument(
        "--held-out", action="store_true", help="Also the held-out families: for the final run only."
    )
    parser.add_argument("--sample", action="store_true", help="Eight stacks, as the tests do.")
    parser.add_argument("--only-far-end", action="store_true", help="Ask with the far end only.")
    parser.add_argument("--run", metavar="FOLDER", help="Where results go; one that is there is continued.")
    parser.add_argument(
        "--folder", default=tempfile.gettempdir(), help="Where stacks have their files meanwhile."
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="Stacks at the same time.")
    return parser


def _verify(stacks: Sequence[Stack], folder: Path, at_once: int) -> int:
    """Prove each fault; return 1 if one does not show."""
    failed = 0
    for count, found in enumerate(_each(stacks, lambda stack: verify(stack, folder), at_once), 1):
        failed += bool(found.why)
        others = f"; fails: {', '.join(found.symptoms)}" if found.symptoms else ""
        print(
            f"{count}/{len(stacks)} {found.stack}, {found.seconds:.0f} s: {found.why or 'shown'}{others}",
            flush=True,
        )
    print(f"{len(stacks) - failed} of {len(stacks)} stacks are as declared.")
    return 1 if failed else 0


def _ask(stacks: Sequence[Stack], folder: Path, run: Path, at_once: int, far_ends: Sequence[bool]) -> int:
    """Ask the doctor about each stack that the run does not have yet, and print the table."""
    kept = run / "examinations"
    kept.mkdir(parents=True, exist_ok=True)
    results = run / PLANTED_RESULTS.name
    have = {(answer.stack, answer.far_end) for answer in read_planted(results)}
    todo = [(stack, far_end) for far_end in far_ends for stack in stacks if (stack.name, far_end) not in have]
    with results.open("ab") as file:
        answers = _each(todo, lambda pair: ask(pair[0], pair[1], folder, kept), at_once)
        for count, answer in enumerate(answers, 1):
            file.write(msgspec.json.encode(answer) + b"\n")
            file.flush()
            print(f"{count}/{len(todo)} {_line(answer)}", flush=True)
    print(f"\n{results}\n")
    for table in (families_table, misses_table, goals_table):
        print(table(read_planted(results)))
    return 0


def _line(answer: PlantedAnswer) -> str:
    """Return an answer as a line of progress."""
    where = "far end" if answer.far_end else "alone"
    if answer.is_right:
        return f"{answer.stack}, {where}, {answer.seconds:.0f} s: right"
    wanted = " or ".join(answer.expected) or "nothing"
    said = answer.error or ", ".join(answer.causes[:3]) or "nothing"
    return f"{answer.stack}, {where}, {answer.seconds:.0f} s: WRONG: {said}, not {wanted}"


def _each(items: Sequence[Item], do: Callable[[Item], Done], at_once: int) -> Iterator[Done]:
    """Yield what is done with each item, as it ends; some at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(do, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
