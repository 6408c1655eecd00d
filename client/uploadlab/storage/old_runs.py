"""Runs that older versions of the lab recorded, in today's form.

Before attempts of the check had codes, exceptions were matched by the text of what happened.
"""

import re
from typing import Any

import msgspec

from uploadlab.model.checks import Check
from uploadlab.model.runs import Run

CODES = {
    r"no answer \(RemoteDisconnected.*\)": "no-answer-disconnected",
    r"no answer \(ConnectionResetError.*\)": "no-answer-reset",
    r"no answer \(ConnectionResetError.*\), but stored": "no-answer-reset-but-stored",
    r"201, 300000 of 600001 bytes stored": "lost-part",
}
"""The texts that exceptions named, and the codes of such attempts."""


def decode_run(content: bytes) -> Run:
    """Return what run.json says, whichever version of the lab wrote it; raises msgspec.DecodeError."""
    fields = msgspec.json.decode(content, type=dict[str, Any])
    exceptions = msgspec.convert(fields.get("exceptions", []), list[dict[str, Any]])
    for known in exceptions:
        if "shows" in known:
            texts = msgspec.convert(known.pop("shows"), list[str])
            known |= {"codes": [code for code in map(_code_of, texts) if code], "fix": known.pop("mend", "")}
    return msgspec.convert(fields | {"exceptions": exceptions}, Run)


def with_code(row: Check) -> Check:
    """Return an attempt with its code, which a row of an older version lacks."""
    return row if row.code else msgspec.structs.replace(row, code=_code_of(row.text))


def _code_of(text: str) -> str:
    return next((code for pattern, code in CODES.items() if re.fullmatch(pattern, text)), "")
