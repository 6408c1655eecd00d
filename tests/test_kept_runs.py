"""The committed runs: each is declared with the command that makes it, and all together stay small."""

import gzip
import re
import shlex
from pathlib import Path

import pytest
from uploadlab.errors import LabError
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.pages.kept_runs import KeptRun, load_kept_runs
from uploadlab.pages.results import kept_hosts
from uploadlab.paths import REFERENCE
from uploadlab.presenting.repeat import command_words
from uploadlab.storage.run_folder import RunFolder

DECLARED = {name: run for run in load_kept_runs() for name in run.names}
KEPT = sorted(path.name for path in REFERENCE.iterdir() if path.is_dir())
OLD = {"original", "original-docker"}
"""Runs from before a run kept the order that made it; none comes back once it was measured again."""
PLACES = ("--runtime", "--data-dir")
MOST_BYTES = 3_000_000
PACKED = gzip.compress(b"{}")
DAMAGES = {"no archive": b"no archive", "cut short": PACKED[:-1], "more behind it": PACKED + b"more"}


def test_every_kept_run_is_declared() -> None:
    assert sorted(DECLARED) == KEPT


def test_the_hosts_of_all_kept_runs_are_listed() -> None:
    counted = [int(number) for number in re.findall(r"^- (\d+) runs?, ", kept_hosts(), re.MULTILINE)]
    assert sum(counted) == sum(folder.is_dir() for folder in REFERENCE.iterdir())


def test_all_kept_runs_together_are_small() -> None:
    sizes = [path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file()]
    assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("name", [name for name in KEPT if name not in OLD])
def test_a_kept_run_was_made_by_its_command(name: str) -> None:
    run = RunFolder(REFERENCE / name).read_run()
    what, where = split(DECLARED[name])
    assert command_words(run.order or Order()) == what
    assert where.get("--runtime", run.runtime) == run.runtime
    assert run.host.data_filesystem == "tmpfs" or "--data-dir" not in where


def test_each_changed_setting_of_the_knobs_was_measured() -> None:
    rows = RunFolder(REFERENCE / "knobs").read_measurements()
    assert [row.deployment for row in rows if row.status is Status.UNAVAILABLE] == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_packed_run_that_is_damaged_is_one_line(tmp_path: Path, damage: str) -> None:
    (tmp_path / "run.json.gz").write_bytes(DAMAGES[damage])
    with pytest.raises(LabError, match=r"^run\.json\.gz is damaged \(.+\): copy it from its source again$"):
        RunFolder(tmp_path).read_run()


def split(declared: KeptRun) -> tuple[list[str], dict[str, str]]:
    """A command's words without the options that say where it runs, and those."""
    words = shlex.split(declared.command)
    places = [words.index(option) for option in PLACES if option in words]
    taken = {at for place in places for at in (place, place + 1)}
    return [word for at, word in enumerate(words) if at not in taken], {
        words[place]: words[place + 1] for place in places
    }
