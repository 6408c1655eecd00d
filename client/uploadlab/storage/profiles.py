"""Reads what the profiles of a run counted."""

from contextlib import suppress
from typing import NamedTuple

import msgspec

from uploadlab.model.profiles import COUNTS, PROFILER, Calls, Profiles
from uploadlab.storage.decoding import decoded
from uploadlab.storage.run_folder import RunFolder


class Function(NamedTuple):
    """A function that was called."""

    file: str
    """The end of its path."""
    name: str
    calls: int
    seconds: float
    """With all that it called."""


class Counts(msgspec.Struct, frozen=True):
    """The content of a file of counts, which the app writes (``upload_app.profiling``)."""

    total_seconds: float
    functions: list[Function]


MOST_COUNTS_BYTES = 1 << 20
MOST_PROFILES = 1000
DECODER = msgspec.json.Decoder(Counts)


def read_calls(folder: RunFolder) -> Profiles:
    """Return what the run's profiles counted; what cannot be read, or is too much, is left out."""
    names: dict[tuple[str, str, int], str] = {}
    for profile in folder.read_profiled():
        deployment, method, size = profile.cell_id.rsplit("/", 2)
        for name in profile.files:
            if name.endswith(PROFILER) and len(names) < MOST_PROFILES:
                names[deployment, method, int(size)] = name.removesuffix(PROFILER) + COUNTS
    found: Profiles = {}
    for (deployment, method, size_bytes), name in names.items():
        with suppress(OSError, ValueError):
            counts = decoded(folder.files.read(name, MOST_COUNTS_BYTES), DECODER)
            functions = {(of.file, of.name): (of.calls, of.seconds) for of in counts.functions}
            found[deployment, method] = Calls(size_bytes, counts.total_seconds, functions)
    return found
