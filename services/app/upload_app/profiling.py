"""The profile of one request: where the time went, and what memory is held."""

import cProfile
import io
import pstats
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Since Python 3.12 only one profiler can be active in a process.
_one_at_a_time = threading.Lock()
Work = Callable[[], None]
Files = dict[str, bytes]
"""Contents by suffix."""


def run(work: Work, kind: str, folder: Path, name: str) -> dict[str, Any]:
    """Do the work; returns what the answer says of its profile, if one was wanted.

    The profile is written to ``folder``, as files that begin with ``name``. Whatever hinders that, the
    work is done.
    """
    if not kind:
        work()
        return {}
    if not _one_at_a_time.acquire(blocking=False):
        work()
        return {"profile_note": "not profiled: another request of this process was being profiled"}
    try:
        files = KINDS[kind](work)
    finally:
        _one_at_a_time.release()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in files.items():
            (folder / f"{name}{suffix}").write_bytes(content)
    except OSError as error:
        return {"profile_note": f"the profile could not be written to {folder}: {error.strerror}"}
    return {"profile": [f"{name}{suffix}" for suffix in files]}


def _calls(work: Work) -> Files:
    """Every call, by cumulative time, then the memory that is still held: the original's text."""
    profiler = cProfile.Profile()
    tracemalloc.start()
    try:
        profiler.runcall(work)
        memory = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("cumulative").print_stats()
    text.write("[ Top 10 by memory held at the end, from tracemalloc ]\n")
    text.writelines(f"{line}\n" for line in memory.statistics("lineno")[:10])
    with tempfile.NamedTemporaryFile(suffix=".pstats") as file:
        profiler.dump_stats(file.name)
        return {".txt": text.getvalue().lstrip().encode(), ".pstats": file.read()}


def _samples(work: Work) -> Files:
    """A look at the stack every millisecond, as a flame view: hardly slower than without."""
    from pyinstrument import Profiler  # here, since it would cost every worker memory

    profiler = Profiler(interval=0.001, async_mode="disabled")
    profiler.start()
    try:
        work()
    finally:
        profiler.stop()
    return {".html": profiler.output_html().encode()}


KINDS: dict[str, Callable[[Work], Files]] = {"calls": _calls, "samples": _samples}
"""What ``?profile=`` takes, besides 1 for calls and 0 for none."""
