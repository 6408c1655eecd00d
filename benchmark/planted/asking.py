"""The doctor asked about one stack, as a user would: the command, and what its JSON says."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from uploadlab import __version__
from uploadlab.doctoring.far_end import PATH
from uploadlab.errors import LabError
from uploadlab.model.diagnoses import Diagnosis
from uploadlab.model.exchanges import Examination
from uploadlab.pages.planted import PlantedAnswer
from uploadlab.paths import ROOT

from benchmark.planted.catalogue import is_held_out
from benchmark.planted.sending import FIELD
from benchmark.planted.stack import Place, Stack, StackFailed

TOKEN = "planted-stacks"  # noqa: S105  of servers on this host, for minutes
RUNGS = "1,3,6"
MOST_SECONDS = 420
"""For the doctor, whose own bound is five minutes."""
MOST_WORDS = 300


class Written(msgspec.Struct):
    """The file of ``--json``."""

    diagnosis: Diagnosis
    examination: Examination | None = None


def ask(
    stack: Stack, far_end: bool, folder: Path, kept: Path | None = None, rungs: str = RUNGS
) -> PlantedAnswer:
    """Start a stack, ask the doctor about it, and end it. An answer that does not come is an answer, too.

    The doctor's whole file is kept in the folder ``kept``, if there is one.
    """
    known = {
        "stack": stack.name, "family": stack.family, "says": stack.says, "held_out": is_held_out(stack),
        "far_end": far_end, "expected": sorted(stack.expected), "version": __version__,
        "day": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    began = time.monotonic()
    try:
        with Place(folder, f"planted-{stack.name}", TOKEN if far_end else "") as place:
            url = stack.start(place)
            written = place.folder / "doctor.json"
            began = time.monotonic()
            said = _run(_command(url, stack, place, far_end, written, rungs))
            seconds = time.monotonic() - began
            if not written.exists():
                return _answer(known, error=said or "the doctor wrote no file", seconds=seconds)
            if kept:
                name = f"{stack.name}{'-far-end' if far_end else ''}.json"
                (kept / name).write_bytes(written.read_bytes())
            return _answer(known, seconds=seconds, **read_written(written))
    except (StackFailed, LabError, OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
        return _answer(known, error=str(error)[:MOST_WORDS], seconds=time.monotonic() - began)


def read_written(path: Path) -> dict[str, object]:
    """Return what counts of a file of ``--json``; raise OSError, MsgspecError."""
    written = msgspec.json.decode(path.read_bytes(), type=Written)
    seen = written.examination
    return {
        "causes": [finding.cause for finding in written.diagnosis.findings],
        "weights": [finding.weight.value for finding in written.diagnosis.findings],
        "hops": written.diagnosis.hops,
        "sent_bytes": sum(exchange.sent_bytes for exchange in seen.exchanges) if seen else 0,
        "stop": seen.stop.value if seen else "",
    }


def _answer(known: dict[str, object], **found: object) -> PlantedAnswer:
    return msgspec.convert({**known, **found}, PlantedAnswer)


def _command(url: str, stack: Stack, place: Place, far_end: bool, written: Path, rungs: str) -> list[str]:
    words = [
        sys.executable,
        "-m",
        "uploadlab",
        "doctor",
        url,
        "--json",
        str(written),
        "--rungs",
        rungs,
        "--yes",
    ]
    words += ["--expect-status", "201", "--stored-json", "size=size", "--stored-json", "sha256=sha256"]
    words += ["--field", FIELD] if stack.as_form else []
    words += ["--ca-file", str(place.ca)] if place.ca else []
    words += ["--probe", PATH, "--token", TOKEN] if far_end else []
    return words


def _run(command: list[str]) -> str:
    """Run the doctor, and return its last words; raise subprocess.TimeoutExpired."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=MOST_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
    )  # fmt: skip
    return (done.stderr or done.stdout).strip()[-MOST_WORDS:]
