"""What runs and checks say of each server or front: the entries of docs/servers.md, as values. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from uploadlab.analysis.cells import Summary
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Deployment
from uploadlab.model.measurements import ACCEPTED
from uploadlab.units import GIB, MIB

SIZES = {"over-16-mib": 16 * MIB, "over-100-mib": 100 * MIB, "over-128-mib": 128 * MIB, "over-1-gib": GIB}
"""Cases by the size that their files exceed, from small to large."""
CUT, CUT_IN_CHUNKS = ("client-gone", "short-body"), ("cut-chunks",)
"""Cases of a body with a length that ends too early, and of one in chunks."""
REFUSED_EARLY = ("early-refusal", "early-refusal-tls")
"""Cases of a body with a length that the app refuses while its client sends."""
MALFORMED = (
    "broken-chunk", "chunk-sizes", "chunk-ends", "two-framings", "bad-lengths", "repeated-lengths",
    "unusual-lengths", "transfer-codings", "unusual-codings", "no-length", "http-1.0",
)  # fmt: skip
"""Cases whose head or chunks do not say, or not as the standard does, where the body ends."""
MOST_OF_IT = 0.5
"""A server whose memory grows by this share of a body holds the body there."""


class ServerFacts(Struct, frozen=True, kw_only=True):
    """What was measured of one deployment. None: not measured, or not known."""

    name: str
    versions: dict[str, str]
    chunked: str | None
    """``kept``, ``refused`` or ``lost``, else what happened."""
    cut_noticed: bool | None
    """Whether no body with a length that a client cut was stored as if it were whole."""
    cut_chunks_noticed: bool | None
    """The same of a body in chunks."""
    refusal_seen: bool | None
    """Whether a client that still sends sees the app's early refusal of a body with a length."""
    malformed_refused: bool | None
    """Whether no body was stored whose length, coding or chunks are malformed."""
    most_bytes: int | None
    """A body just over this size is stored whole; 0: none of those that were tried."""
    refused_bytes: int | None
    """The smallest size over which a body is not stored; None: no such size was found."""
    head_silence: Check | None
    body_silence: Check | None
    duration: Check | None
    slow_clients: Check | None
    waits: str | None
    """Where a body is while it arrives: ``streamed``, ``memory``, ``disk``; ``held back``: in one of both."""
    memory_bytes: int | None
    """The peak of all processes for an upload of 1 GiB."""
    share: float | None
    """Of the ceiling's rate."""
    cpu_seconds_per_gb: float | None


def server_facts(
    deployment: Deployment,
    versions: dict[str, str],
    checks: Sequence[Check],
    cells: Sequence[Summary],
    streamed_seconds: float,
) -> ServerFacts:
    """Return the facts of a deployment from rows of checks and summaries of a run.

    An app that had an upload for less than ``streamed_seconds`` was called only when all had come.
    """
    rows = [row for row in checks if row.deployment == deployment.name]
    rows = [row for row in rows if row.verdict not in (Verdict.UNAVAILABLE, Verdict.UNKNOWN)]
    cells = [cell for cell in cells if cell.status in ACCEPTED]
    mine = sorted(
        (cell for cell in cells if cell.deployment == deployment.name), key=lambda cell: cell.size_bytes
    )
    large = mine[-1] if mine and mine[-1].size_bytes >= GIB else None
    rated = max((cell for cell in mine if cell.mb_per_second), key=lambda cell: cell.rounds, default=None)
    most, refused = _sizes(rows)
    return ServerFacts(
        name=deployment.name,
        versions=own_versions(deployment, versions),
        chunked=_chunked(_of(rows, "chunked")),
        cut_noticed=_noticed(_of(rows, *CUT)),
        cut_chunks_noticed=_noticed([*_of(rows, *CUT_IN_CHUNKS), *_in_chunks(_of(rows, *CUT))]),
        refusal_seen=_passed([row for row in _of(rows, *REFUSED_EARLY) if row not in _in_chunks(rows)]),
        malformed_refused=_noticed(_of(rows, *MALFORMED)),
        most_bytes=most,
        refused_bytes=refused,
        head_silence=next(iter(_of(rows, "silent-head")), None),
        body_silence=next(iter(_of(rows, "silent-body")), None),
        duration=next(iter(_of(rows, "slow-body")), None),
        slow_clients=next(iter(_of(rows, "slow-clients")), None),
        waits=_waits(_of(rows, "first-byte"), mine, streamed_seconds),
        memory_bytes=large.server_peak_rss_bytes if large else None,
        share=rated.share if rated else None,
        cpu_seconds_per_gb=rated.cpu_seconds_per_gb if rated else None,
    )


def own_versions(deployment: Deployment, versions: dict[str, str]) -> dict[str, str]:
    """Return the versions of what the deployment is named after, the front's own answer included."""
    known = dict(versions)
    product, _, number = known.pop("answered as", "").partition(" ")[0].partition("/")
    if number:
        known.setdefault(product.lower(), number)
    known.pop("python", None)
    words = f"{deployment.name} {deployment.title}".lower()
    return {name: number for name, number in known.items() if name in words and number}


def _of(rows: Sequence[Check], *cases: str) -> list[Check]:
    return [row for row in rows if row.case in cases]


def _in_chunks(rows: Sequence[Check]) -> list[Check]:
    return [row for row in rows if row.label.startswith("chunked")]


def _passed(rows: Sequence[Check]) -> bool | None:
    return all(row.verdict is Verdict.PASS for row in rows) if rows else None


def _chunked(rows: Sequence[Check]) -> str | None:
    """Return what happened to whole bodies in chunks, the worst first."""
    if not rows:
        return None
    if any(row.verdict is Verdict.LOSS for row in rows):
        return "lost"
    if failed := [row for row in rows if row.verdict is Verdict.FAIL]:
        return failed[0].text
    return "kept" if any(row.stored_bytes for row in rows) else "refused"


def _noticed(rows: Sequence[Check]) -> bool | None:
    """Return whether no body that was cut or malformed was stored or acknowledged."""
    if not rows:
        return None
    return not any(
        row.verdict is Verdict.LOSS or row.code == "accepted-bad" or row.code.endswith("but-stored")
        for row in rows
    )


def _sizes(rows: Sequence[Check]) -> tuple[int | None, int | None]:
    """Return the largest size over which a body was stored whole, and the smallest over which none was."""
    most, refused = None, None
    for case, size_bytes in SIZES.items():
        tried = [row for row in _of(rows, case) if not _is_form(row)]
        if not tried:
            continue
        most = most or 0
        if all(row.verdict is Verdict.PASS and row.http_status in (None, 200, 201) for row in tried):
            most = size_bytes
        else:
            refused = refused or size_bytes
    return most, refused


def _is_form(row: Check) -> bool:
    return row.route.startswith(("/request-files", "/multipart-push"))


def _waits(rows: Sequence[Check], cells: Sequence[Summary], streamed_seconds: float) -> str | None:
    """Return where a body is until the app gets it.

    A body that is neither handed on nor in memory is on disk, even where writes cannot be counted.
    """
    seconds = rows[0].seconds if rows else None
    if seconds is None:
        return None
    if seconds >= streamed_seconds:
        return "streamed"
    known = [cell for cell in cells if cell.server_peak_rss_bytes is not None]
    if not known:
        return "held back"
    largest = known[-1]
    return "memory" if _grows(known) or _holds(largest) else "disk"


def _holds(cell: Summary) -> bool:
    return (cell.server_peak_rss_bytes or 0) >= cell.size_bytes


def _grows(cells: Sequence[Summary]) -> bool:
    """Return whether the peak of memory grows with the file."""
    small, large = cells[0], cells[-1]
    more = (large.server_peak_rss_bytes or 0) - (small.server_peak_rss_bytes or 0)
    return large is not small and more >= MOST_OF_IT * (large.size_bytes - small.size_bytes)
