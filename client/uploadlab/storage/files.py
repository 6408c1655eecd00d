"""The files of a run folder: their names, and how each is read whether it is packed or not."""

import gzip
import zlib
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.paths import shown

RUN_FILE = "run.json"
ORDER_FILE = "order.json"
"""What the host leaves for the client's container."""
MEASUREMENTS = "measurements.jsonl"
REPORT = "report.html"
LOGS = "logs"
PROFILES = "profiles"
PROFILED = "profiles.jsonl"
LOAD_UPLOADS = "load/uploads.jsonl"
LOAD_STEPS = "load/steps.jsonl"
CHECKS = "checks.jsonl"


def packed(path: Path) -> Path:
    """Return the name that ``gzip`` gives to a file, as in runs that are kept in git."""
    return path.with_name(f"{path.name}.gz")


def size_of(path: Path) -> int:
    """Return the bytes of a file and of its packed form; 0 if there is neither."""
    return sum(file.stat().st_size for file in (path, packed(path)) if file.exists())


def content_of(path: Path) -> bytes:
    """Return the bytes of a file, packed or not; none if there is no file. Raises LabError."""
    archive = packed(path)
    if path.exists() or not archive.exists():  # both: it was unpacked to go on with
        return path.read_bytes() if path.exists() else b""
    try:
        return gzip.decompress(archive.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise LabError(f"{shown(archive)} is damaged ({error}): copy it from its source again") from None


def unpack(path: Path) -> None:
    """Restore a packed file, so that lines can be appended to it. Raises LabError."""
    if packed(path).exists() and not path.exists():
        temporary = path.with_name(f"{path.name}.tmp")
        temporary.write_bytes(content_of(path))
        temporary.replace(path)
    packed(path).unlink(missing_ok=True)


def whole_lines(content: bytes) -> list[bytes]:
    """Return the lines of a file without a last line that was cut short by a kill."""
    return content[: content.rfind(b"\n") + 1].splitlines()
