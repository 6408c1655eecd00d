"""Reads what the profiles of a run counted."""

import pstats
from contextlib import suppress
from pathlib import Path
from typing import Any

from uploadlab.model.profiles import Calls, Profiles
from uploadlab.storage.run_folder import RunFolder


def read_calls(folder: RunFolder) -> Profiles:
    """Return what the run's profiles counted; a file that cannot be read is left out."""
    found: Profiles = {}
    for profile in folder.read_profiled():
        deployment, method, size = profile.cell_id.rsplit("/", 2)
        for name in profile.files:
            if name.endswith(".pstats"):
                with suppress(OSError, ValueError, EOFError, TypeError, AttributeError):
                    found[deployment, method] = _calls(folder.path / name, int(size))
    return found


def _calls(path: Path, size_bytes: int) -> Calls:
    stats: dict[Any, Any] = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]  # untyped, documented
    functions = {
        ("/".join(Path(file).parts[-2:]), function): (calls, cumulative)
        for (file, _, function), (_, calls, _, cumulative, _) in stats.items()
    }
    return Calls(size_bytes, sum(own for _, _, own, _, _ in stats.values()), functions)
