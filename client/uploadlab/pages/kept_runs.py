"""The kept runs and their commands, and the part of extending.md that lists them.

``python -m uploadlab.pages.kept_runs [NAME ...]`` prints them for scripts/reference, a line each.
"""

import shlex
import sys
from fnmatch import fnmatch

import msgspec

from uploadlab.declared.toml_files import read_toml
from uploadlab.errors import LabError, UsageError
from uploadlab.pages.part import page_part, untitled
from uploadlab.paths import BENCHMARK, program

KEPT_RUNS = BENCHMARK / "reference.toml"


class KeptRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command whose runs the pages show."""

    names: list[str]
    """Folders of benchmark/reference, one for each run that the command makes."""
    command: str
    """As typed, without the program."""

    @property
    def words(self) -> list[str]:
        """The words behind ./scripts/lab."""
        return shlex.split(self.command)


def load_kept_runs() -> list[KeptRun]:
    """Return the declared runs in the order of measuring; raise UsageError."""
    declared = read_toml(KEPT_RUNS, dict[str, list[KeptRun]], lambda content: None)
    return declared.get("run", [])


@page_part
def kept_runs() -> str:
    """Return a table of the kept runs with the command of each."""
    rows = [
        [", ".join(f"`{name}`" for name in run.names), f"`{program()} {run.command}`"]
        for run in load_kept_runs()
    ]
    return untitled(["run", "command"], rows)


def main() -> None:
    """Print the chosen runs, or all: the names, a tab, and the command's words, quoted for a shell."""
    try:
        runs, patterns = load_kept_runs(), sys.argv[1:] or ["*"]
        for pattern in patterns:
            if not any(fnmatch(run.names[0], pattern) for run in runs):
                raise UsageError(f"no kept run is named {pattern!r}: see {KEPT_RUNS.name}")
        for run in runs:
            if any(fnmatch(run.names[0], pattern) for pattern in patterns):
                print(shlex.join(run.names), shlex.join(run.words), sep="\t")
    except (LabError, UsageError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
