"""Whether each planted fault is really there, and what else each stack does that a healthy one does not."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from uploadlab.errors import LabError
from uploadlab.pages.planted import HEALTHY

from benchmark.planted.proofs import MB, NO_SUCH, is_refusal_read
from benchmark.planted.sending import Request, send
from benchmark.planted.stack import Place, Stack, StackFailed, Subject

TEMPORARY = Path(tempfile.gettempdir())
EVERYTHING = {
    "raw": Request(5 * MB),
    "form": Request(5 * MB, form=True),
    "chunked": Request(MB, chunked=True),
    "chunked form": Request(MB, chunked=True, form=True),
    "empty": Request(0),
    "long head": Request(1000, headers=(f"Cookie: {'x' * 12000}",)),
    "pause": Request(pause_seconds=6.5),
    "slow": Request(over_seconds=6.5),
}


class Verified(NamedTuple):
    """What a stack has shown."""

    stack: str
    why: str
    """Why the fault does not show; empty: it does."""
    symptoms: list[str]
    """What fails of that which arrives at a healthy stack."""
    seconds: float


def verify(stack: Stack, folder: Path = TEMPORARY, symptoms: bool = True) -> Verified:
    """Start a stack and prove its fault."""
    began = time.monotonic()
    try:
        with Place(folder, f"planted-{stack.name}") as place:
            subject = Subject(stack.start(place), place.ca, stack.as_form)
            why = stack.proves(subject)
            if why:
                why += "\n" + place.logs()
            found = symptoms_of(subject) if symptoms and stack.family != HEALTHY else []
    except (StackFailed, LabError, OSError) as error:
        why, found = f"it does not start: {error}", []
    return Verified(stack.name, why, found, time.monotonic() - began)


def symptoms_of(subject: Subject) -> list[str]:
    """Return what does not arrive."""
    found = [name for name, request in EVERYTHING.items() if not send(subject, request).is_whole]
    refused = send(subject, NO_SUCH)
    return found if is_refusal_read(refused) else [*found, f"refusal: {refused}"]
