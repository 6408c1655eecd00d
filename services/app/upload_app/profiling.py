"""The profile of one request, as text: where the time went, and what memory is held."""

import cProfile
import io
import pstats
import threading
import tracemalloc
from collections.abc import Callable

# Since Python 3.12 only one profiler can be active in a process.
_one_at_a_time = threading.Lock()


def run(work: Callable[[], None], wanted: bool) -> dict[str, str]:
    """Do the work; returns what the answer says of its profile, if one was wanted."""
    if not wanted:
        work()
        return {}
    if not _one_at_a_time.acquire(blocking=False):
        work()
        return {"profile_note": "not profiled: another request of this process was being profiled"}
    try:
        return {"profile": _profiled(work)}
    finally:
        _one_at_a_time.release()


def _profiled(work: Callable[[], None]) -> str:
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
    return text.getvalue().lstrip()
