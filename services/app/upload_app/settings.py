"""What a deployment sets through its environment, read once at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upload_app.relay import Hop, parse_hops


@dataclass(frozen=True)
class Settings:
    """The environment contract, as far as the app needs it."""

    deployment: str
    data_dir: Path
    run_dir: Path | None
    """Its processes are found here; None: /usage is switched off."""
    profile_dir: Path
    block_size: int
    """Bytes asked for in one read of the body."""
    max_content_length: int | None
    """Bodies over this many bytes are refused with 413; None: no limit."""
    budget_seconds: float
    """The time one upload may take where the client names none (``?budget=``)."""
    strict_framing: bool
    """Store every byte or refuse, where servers and Werkzeug lose or add some.

    411 for a chunked body that this server presents as empty, 400 for one with a length besides, and forms
    that Werkzeug's parser reads right (strict_form).
    """
    profiling: bool
    """Allow ``?profile=1``."""
    fsync: bool
    """Answer only when the file would survive a power cut; else where the client asks (``?fsync=1``)."""
    linger_seconds: float
    """After a refusal, read what still comes for so long, so that the client sees the answer."""
    next_hops: dict[str, Hop]
    """Where /stream-pass-to-next may pass uploads on to, and nowhere else; the first is its default."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the contract; raises KeyError without a folder it needs and ValueError for a bad value."""
        limit = environ.get("MAX_CONTENT_LENGTH", "")
        return cls(
            deployment=environ.get("LAB_DEPLOYMENT", "unnamed"),
            data_dir=Path(environ["DATA_DIR"]),
            run_dir=Path(environ["RUN_DIR"]) if environ.get("USAGE") == "1" else None,
            profile_dir=Path(environ.get("PROFILE_DIR", f"{environ['DATA_DIR']}/profiles")),
            block_size=int(environ.get("BLOCK_SIZE", 1 << 20)),
            max_content_length=int(limit) if limit else None,
            budget_seconds=float(environ.get("BUDGET_SECONDS", 3600)),
            strict_framing=environ.get("STRICT_FRAMING", "0") == "1",
            profiling=environ.get("PROFILING", "0") == "1",
            fsync=environ.get("FSYNC", "0") == "1",
            linger_seconds=float(environ.get("LINGER_SECONDS", 0)),
            next_hops=parse_hops(environ.get("NEXT_HOPS", "")),
        )
