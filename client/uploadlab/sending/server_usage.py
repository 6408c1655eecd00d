"""What an upload cost the server: the difference of what its processes had used before and after."""

from typing import NamedTuple

import msgspec
import requests

from uploadlab.private_urls import ServerProcesses, private_parts
from uploadlab.sending.connections import require_success, session
from uploadlab.sending.process_usage import Process, read_processes

ANSWER_SECONDS = 2.0
PAGE_BYTES = 4096
MOST = 1e15
"""Of any figure: more bytes, files or seconds no server has used."""


class Files(msgspec.Struct, frozen=True):
    """The numbers of files that a deployment has."""

    uploads: int
    temporary: int
    """Of unfinished uploads, and spools."""


class Usage(msgspec.Struct, frozen=True):
    """All processes of a deployment at one moment."""

    processes: list[Process]
    stored: Files | None = None


DECODER = msgspec.json.Decoder(Usage)
"""Made before there are threads: msgspec 0.22.0 crashes where several are the first to decode a kind."""


class Cost(NamedTuple):
    """The cost of an upload for the server. The note says why something is None."""

    cpu_seconds: float | None = None
    system_seconds: float | None = None
    peak_rss_bytes: int | None = None
    written_bytes: int | None = None
    note: str | None = None


def reset(url: str, foreign: bool = False) -> Usage | None:
    """Count peaks of memory from now on. Return what was used until now; None if that is not known.

    A foreign server does not say it. If the lab has started one, it looks at the server's processes itself.
    """
    if started := private_parts(url).started:
        return Usage(read_processes(ServerProcesses(*started), reset=True))
    return None if foreign else _ask("POST", f"{url}/usage/reset")


def read(url: str, foreign: bool = False) -> Usage | None:
    """Return what was used until now; None if that is not known."""
    if started := private_parts(url).started:
        return Usage(read_processes(ServerProcesses(*started)))
    return None if foreign else _ask("GET", f"{url}/usage")


NO_ANSWER = Cost(note="the upload got no answer, so its cost is not known")


def cost(before: Usage | None, after: Usage | None) -> Cost:
    """Return what was used between the two."""
    if before is None or after is None:
        return Cost(note="the server does not tell what it uses")
    earlier = {(process.pid, process.started): process for process in before.processes}
    now = {(process.pid, process.started): process for process in after.processes}
    if gone := earlier.keys() - now.keys():
        return Cost(note=f"{len(gone)} of the server's processes ended, and what they used is lost")
    everything = [*earlier.values(), *now.values()]
    peaks = [process.peak_rss_bytes for process in everything]
    written = [process.written_bytes for process in everything]
    unread = [name for name, values in (("peak memory", peaks), ("disk writes", written)) if None in values]
    return Cost(
        cpu_seconds=_grown(before, after, "cpu_seconds"),
        system_seconds=_grown(before, after, "system_seconds"),
        peak_rss_bytes=None
        if None in peaks
        else sum(process.peak_rss_bytes or 0 for process in now.values()),
        written_bytes=None if None in written else int(_grown(before, after, "written_bytes")),
        note=f"{' and '.join(unread)} of the server's processes cannot be read" if unread else None,
    )


def spooled_bytes(written_bytes: int | None, stored_bytes: int | None) -> int | None:
    """Return what was written beside the stored file; None where writes are not counted, as on tmpfs."""
    if written_bytes is None or stored_bytes is None:
        return None
    pages = -(-stored_bytes // PAGE_BYTES) * PAGE_BYTES
    return written_bytes - pages if written_bytes and written_bytes >= pages else None


def _grown(before: Usage, after: Usage, field: str) -> float:
    was, now = (
        sum(float(getattr(process, field)) for process in usage.processes) for usage in (before, after)
    )
    return max(0.0, now - was)


def _makes_sense(used: Usage) -> bool:
    """Return whether no figure is negative or absurd: a row with an absurd figure counts as damaged."""
    figures = [value for process in used.processes for value in msgspec.structs.astuple(process)]
    figures += msgspec.structs.astuple(used.stored) if used.stored else []
    return all(figure is None or 0 <= figure <= MOST for figure in figures)


def _ask(verb: str, address: str) -> Usage | None:
    try:
        with session() as connection:
            response = connection.request(verb, address, timeout=ANSWER_SECONDS)
        require_success(response)
        used = DECODER.decode(response.content)
    except (requests.RequestException, ValueError, RecursionError):  # no answer, no JSON, no host
        return None
    return used if _makes_sense(used) else None
