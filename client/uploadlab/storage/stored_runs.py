"""The runs of a folder."""

from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.paths import program, shown
from uploadlab.storage.files import RUN_FILE, packed
from uploadlab.storage.run_folder import RunFolder


def run_folders(out: Path) -> list[Path]:
    """Return the folders of a folder that hold a run, packed or not."""
    return [
        path for path in out.glob("*") if (path / RUN_FILE).exists() or (path / packed(RUN_FILE)).exists()
    ]


def last_run(out: Path) -> RunFolder:
    """Return the newest run of a folder; raises LabError if there is none."""
    folders = [RunFolder(path) for path in run_folders(out)]
    if not folders:
        raise LabError(f"no run in {shown(out)} yet: name another --out, or measure with {program()}")
    return max(folders, key=lambda folder: folder.read_run().started_at)
