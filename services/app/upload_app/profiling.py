"""The profile of one request: where the time went, and which memory is held at the end."""

import cProfile
import io
import json
import marshal
import os
import pstats
import re
import shutil
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from upload_app.room import Room

# Since Python 3.12, a process can have only one active profiler.
_profiler_lock = threading.Lock()
MOST_PROFILES = 100
"""Kept at a time: a run fetches each, and removes it with its upload."""
MOST_SAMPLES = 30_000
"""Half a minute of them: each takes a kilobyte and more of memory, and half of one in the page."""
Work = Callable[[], None]
Files = dict[str, bytes]
"""The contents of files by suffix."""
COUNTS = ".json"
"""The suffix of the counts that programs read: unmarshalling ``.pstats`` of others is not safe."""


class Profile(NamedTuple):
    """The result of profiling."""

    files: Files
    note: str = ""
    """Why there are no files."""


def run_profiled(work: Work, kind: str) -> Profile | None:
    """Do the work, even if it cannot be profiled; return its profile if ``kind`` names one."""
    if not kind:
        work()
        return None
    if not _profiler_lock.acquire(blocking=False):
        work()
        return Profile({}, "not profiled: another request of this process was being profiled")
    try:
        return Profile(KINDS[kind](work))
    finally:
        _profiler_lock.release()


def write_profile(profile: Profile, folder: Path, name: str, reserve_bytes: int = 0) -> dict[str, Any]:
    """Write a profile as files that begin with ``name``; return the answer's entry for it.

    It is not kept where its disk has no more than the reserve, or beside MOST_PROFILES others.
    """
    if profile.note:
        return {"profile_note": profile.note}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sum(1 for _ in os.scandir(folder.parent)) > MOST_PROFILES:
            folder.rmdir()
            return {"profile_note": f"not kept beside {MOST_PROFILES} others: DELETE their uploads first"}
        Room(folder, reserve_bytes).require(sum(map(len, profile.files.values())))
        for suffix, content in profile.files.items():
            (folder / f"{name}{suffix}").write_bytes(content)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return {"profile_note": f"the profile could not be written to {folder}: {error.strerror}"}
    return {"profile": [f"{name}{suffix}" for suffix in profile.files if suffix != COUNTS]}


def _calls(work: Work) -> Files:
    """Profile every call by cumulative time, then the memory still held, as the original write-up did."""
    profiler = cProfile.Profile()
    tracemalloc.start()
    try:
        profiler.runcall(work)
        memory = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    profiler.create_stats()
    # As dump_stats writes it, and for other readers; pstats.Stats empties what it is given.
    files = {".pstats": marshal.dumps(profiler.stats), COUNTS: _counts(profiler.stats)}
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("cumulative").print_stats()
    text.write("[ Top 10 by memory held at the end, from tracemalloc ]\n")
    text.writelines(f"{line}\n" for line in memory.statistics("lineno")[:10])
    return {".txt": text.getvalue().lstrip().encode(), **files}


def _counts(stats: dict[Any, Any]) -> bytes:
    """Return calls and cumulative seconds of each function, by the end of its file's path, as JSON."""
    functions: dict[tuple[str, str], tuple[int, float]] = {}
    for (file, _, name), (_, calls, _, cumulative, _) in stats.items():
        place = "/".join(Path(file).parts[-2:]), name
        before = functions.get(place, (0, 0.0))
        functions[place] = before[0] + calls, before[1] + cumulative
    rows = [[*place, *counted] for place, counted in functions.items()]
    return json.dumps({"total_seconds": sum(row[2] for row in stats.values()), "functions": rows}).encode()


def _samples(work: Work) -> Files:
    """Sample the stack every millisecond, as a flame graph: hardly slower than without."""
    from pyinstrument import Profiler  # here: it would cost every worker memory

    class Sampler(Profiler):
        """The first MOST_SAMPLES of an upload; pyinstrument 5.1 itself has no limit."""

        def _sampler_saw_call_stack(self, *sample: Any) -> None:
            if self._active_session and len(self._active_session.frame_records) < MOST_SAMPLES:
                super()._sampler_saw_call_stack(*sample)

    profiler = Sampler(interval=0.001, async_mode="disabled")
    profiler.start()
    try:
        work()
    finally:
        profiler.stop()
    # Its page asks another host for fonts; it is as readable without.
    page = re.sub(r"https://fonts\.googleapis\.com/[^\"']*", "data:text/css,", profiler.output_html())
    return {".html": page.encode()}


KINDS: dict[str, Callable[[Work], Files]] = {"calls": _calls, "samples": _samples}
"""The values of ``?profile=``; also 1 for calls and 0 for none."""
