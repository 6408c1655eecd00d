"""causes.toml: every setting that the doctor can name, declared once."""

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from uploadlab.model.diagnoses import EFFECTS, KnownCause


@cache
def load_causes() -> dict[str, KnownCause]:
    """Return all causes by their ids; raise ValueError if the file is wrong."""
    text = (files("uploadlab.doctoring") / "causes.toml").read_bytes()
    hops: dict[str, dict[str, dict[str, Any]]] = msgspec.toml.decode(text)
    found = {}
    for hop, settings in hops.items():
        for setting, said in settings.items():
            days = {"checked": said["checked"].isoformat()} if isinstance(said.get("checked"), date) else {}
            cause = msgspec.convert({**said, **days, "id": f"{hop}.{setting}"}, KnownCause)
            if cause.effect not in EFFECTS:
                raise ValueError(f"causes.toml: {cause.id}: no effect is {cause.effect!r}; see EFFECTS")
            found[cause.id] = cause
    return found


def cause_of(name: str) -> KnownCause:
    """Return a cause by its id; raise KeyError."""
    return load_causes()[name]
