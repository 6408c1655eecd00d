"""One upload by curl: what our own client is measured against."""

import json
import resource
import subprocess
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

FACTS = '%{stderr}{"facts": %{json}, "headers": %{header_json}}'
"""What curl(1) tells after a transfer, in place of its own words on standard error; curl 7.83."""
SILENCE_SECONDS = 24 * 3600.0


class Curled(NamedTuple):
    """What curl and the server said."""

    seconds: float
    """From before the connection until the answer was read, by curl's own clock."""
    connected_seconds: float
    cpu_seconds: float
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def reason(self) -> str:
        """The status in words."""
        with suppress(ValueError):
            return HTTPStatus(self.status).phrase
        return ""


def send(verb: str, url: str, path: Path, budget_seconds: float | None) -> Curled:
    """Send the file as the body; raises OSError if curl is not there, or got no answer."""
    before = _cpu_seconds()
    # Expect: spares a second of waiting at uWSGI, which never answers 100 Continue.
    # Nothing of the user's: no ~/.curlrc, no proxy, and a path as it is.
    words = ["curl", "--disable", "--noproxy", "*", "--globoff", "--silent"]
    words += ["--header", "Expect:", "--header", "Content-Type: application/octet-stream"]
    words += ["--max-time", f"{budget_seconds or SILENCE_SECONDS:g}", "--write-out", FACTS]
    words += ["--request", verb, "--upload-file", str(path), url]
    done = subprocess.run(words, capture_output=True, check=False)
    told = _told(done.stderr)
    facts = told.get("facts", {})
    if done.returncode or not facts:
        raise OSError(f"curl: {facts.get('errormsg') or f'status {done.returncode}; is it 7.83 or newer?'}")
    return Curled(
        seconds=facts["time_total"],
        connected_seconds=facts["time_connect"],
        cpu_seconds=_cpu_seconds() - before,
        status=facts["response_code"],
        headers={name.title(): values[-1] for name, values in told["headers"].items()},
        content=done.stdout,
    )


def _told(text: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _cpu_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
