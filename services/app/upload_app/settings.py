"""The settings of a deployment: its environment, read once at start. Needs no Flask."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class Hop(NamedTuple):
    """A deployment that uploads may be passed on to."""

    name: str
    host: str
    port: int


def parse_hops(text: str) -> dict[str, Hop]:
    """Return the hops of ``name=http://host:port name=...`` by name, in that order; raise ValueError."""
    hops = {}
    for word in text.split():
        name, _, url = word.partition("=")
        address = urlsplit(url)
        rest = address.path.strip("/") or address.query or address.fragment or address.username
        is_name = re.fullmatch(r"[A-Za-z0-9._-]+", name)
        if not is_name or address.scheme != "http" or not address.hostname or rest:
            raise ValueError(f"NEXT_HOPS: {word!r} is not name=http://host:port")
        hops[name] = Hop(name, address.hostname, address.port or 80)
    return hops


@dataclass(frozen=True)
class Settings:
    """The part of the environment contract that the app needs."""

    deployment: str
    host: str
    """The address to listen on."""
    allowed_hosts: tuple[str, ...]
    """More names that clients reach it by, without ports."""
    front: str
    """Name and version of the front before this app's server; empty: it has none, or none that says so."""
    data_dir: Path
    run_dir: Path | None
    """Where the process ids of its other parts are; None: /usage is switched off."""
    profile_dir: Path
    block_size: int
    """Bytes to ask for in one read of the body."""
    max_content_length: int | None
    """In bytes; longer bodies are refused with 413. None: no limit."""
    budget_seconds: float
    """The time an upload may take where the client sets none (``?budget=``)."""
    strict_framing: bool
    """Store every byte or refuse, where servers and Werkzeug lose or add some.

    Requests whose body has no certain end are refused (framing). Of a form, Werkzeug's parser gets no more
    than the heads of its parts (form_body).
    """
    profiling: bool
    """Allow ``?profile=1``."""
    reserve_bytes: int
    """Free bytes that uploads must leave on their disk: an upload that would not is refused with 507."""
    require_digest: bool
    """Refuse an upload whose client announces no digest of the body. Off: only where the client asks
    (``?require_digest=1``). A digest that comes is checked in any case.
    """
    chunked_needs_digest: bool
    """Refuse a body without a length and without a digest: this server may hand on a part as the whole."""
    fsync: bool
    """Answer only when the file would survive a power cut. Off: only where the client asks (``?fsync=1``)."""
    linger_seconds: float
    """How long to read on after a refusal, so that the client sees the answer."""
    resumable_seconds: float
    """How long an unfinished upload is kept after its last byte, so that it may go on."""
    most_open_uploads: int
    """How many unfinished uploads are kept at a time: one more is refused with 503."""
    next_hops: dict[str, Hop]
    """The only deployments that /stream-pass-to-next may pass uploads on to; the first is the default."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the contract; raise KeyError without a folder it needs, ValueError for a bad value."""
        limit = environ.get("MAX_CONTENT_LENGTH", "")
        return cls(
            deployment=environ.get("LAB_DEPLOYMENT", "unnamed"),
            host=environ.get("HOST", ""),
            allowed_hosts=tuple(environ.get("ALLOWED_HOSTS", "").split()),
            front=environ.get("FRONT_VERSION", ""),
            data_dir=Path(environ["DATA_DIR"]),
            run_dir=Path(environ["RUN_DIR"]) if environ.get("USAGE") == "1" else None,
            profile_dir=Path(environ.get("PROFILE_DIR", f"{environ['DATA_DIR']}/profiles")),
            block_size=int(environ.get("BLOCK_SIZE", 1 << 20)),
            max_content_length=int(limit) if limit else None,
            budget_seconds=float(environ.get("BUDGET_SECONDS", 3600)),
            strict_framing=environ.get("STRICT_FRAMING", "0") == "1",
            profiling=environ.get("PROFILING", "0") == "1",
            reserve_bytes=int(environ.get("RESERVE_BYTES") or 0),
            require_digest=environ.get("REQUIRE_DIGEST", "0") == "1",
            chunked_needs_digest=environ.get("CHUNKED_NEEDS_DIGEST", "0") == "1",
            fsync=environ.get("FSYNC", "0") == "1",
            linger_seconds=float(environ.get("LINGER_SECONDS", 0)),
            resumable_seconds=float(environ.get("RESUMABLE_SECONDS") or 86400),
            most_open_uploads=int(environ.get("MOST_OPEN_UPLOADS") or 1000),
            next_hops=parse_hops(environ.get("NEXT_HOPS", "")),
        )
