"""One upload by curl: what our own client is measured against."""

import json
import resource
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.private_urls import private_parts, with_query
from uploadlab.sending.connections import ANSWER_BYTES, AS_IT_IS, Through, with_headers
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.source import shorter_file
from uploadlab.units import format_size

FACTS = '%{stderr}{"facts": %{json}, "headers": %{header_json}}'
"""What curl(1) writes after a transfer, in place of its own words on standard error; curl 7.83."""


SILENCE_SECONDS = 24 * 3600.0
POLL_SECONDS = 0.5
"""Between two looks at the file's size."""


def send_by_curl(
    verb: str, url: str, payload: Payload, budget_seconds: float | None, through: Through = None
) -> tuple[Outcome, bytes, str | None]:
    """Send the file as the body, and measure by curl's own clock; its peak of memory is not known.

    Return the outcome, the answer's content, and its Location. Raise OSError if curl is not installed, or got
    no answer; FileFault for a file that becomes shorter, for which curl would wait.
    """
    before = _cpu_seconds()
    # Nothing of the user's: no ~/.curlrc, no proxy, and a path as it is. Without --location curl follows
    # no redirect; should it ever, then to these protocols alone.
    words = ["curl", "--disable", "--noproxy", "*", "--globoff", "--silent", "--proto", "=http,https"]
    words += ["--max-time", f"{budget_seconds or SILENCE_SECONDS:g}", "--write-out", FACTS]
    words += ["--http1.1"]  # as the client that it is measured against; over TLS curl would take HTTP/2
    words += ["--connect-to", f"::{through[0]}:{through[1]}"] if through else []
    # Of a file named "-", curl would send its own input.
    words += ["--request", verb, "--upload-file", str(Path(payload.path).absolute()), "--config", "-"]
    done = _finished(words, _config(url), payload)
    written: dict[str, Any] = {}
    with suppress(ValueError):
        written = json.loads(done.stderr)
    facts = written.get("facts", {})
    if done.returncode or not facts:
        raise OSError(f"curl: {facts.get('errormsg') or f'status {done.returncode}; is it 7.83 or newer?'}")
    outcome = Outcome(
        status=Status.OK,
        seconds=facts["time_total"],
        http_status=facts["response_code"],
        connected_seconds=facts["time_connect"],
        client_cpu_seconds=_cpu_seconds() - before,
    )
    location = written["headers"].get("location", [None])[-1]
    return outcome, done.stdout, location


def _config(url: str) -> bytes:
    """Return curl's config with what the list of processes must not show."""
    # An empty Expect spares a second of waiting at uWSGI's HTTP socket, which never answers 100 Continue.
    private = private_parts(url)
    values = [("url", with_query(url, private.query))]
    values += [("cacert", private.ca_file)] if private.ca_file else []
    headers = with_headers(AS_IT_IS | {"Expect": "", "Content-Type": "application/octet-stream"}, private)
    values += [("header", f"{name}: {value}".strip()) for name, value in headers.items()]
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values]
    lines += ["insecure\n"] if private.insecure else []
    return "".join(lines).encode(errors="surrogateescape")


def _finished(words: list[str], config: bytes, payload: Payload) -> subprocess.CompletedProcess[bytes]:
    """Run curl to its end while the file has its size; raise OSError, FileFault, AnswerFault."""
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as stdin:
            stdin.write(config)
        pipes = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
        content, facts = (readers.submit(_limited, process, pipe) for pipe in pipes)
        try:
            _wait(process, payload)
        except BaseException:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, content.result(), facts.result())


def _limited(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> bytes:
    """Return all that curl writes there; raise AnswerFault, and end curl, if that is too much."""
    written = pipe.read(ANSWER_BYTES + 1)
    if len(written) > ANSWER_BYTES:
        process.kill()
        raise AnswerFault(f"the answer is longer than {format_size(ANSWER_BYTES)}")
    return written


def _wait(process: subprocess.Popen[bytes], payload: Payload) -> None:
    """Wait for the end of curl; raise FileFault as soon as the file is shorter, OSError if it is gone."""
    while True:
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            now_bytes = Path(payload.path).stat().st_size
            if now_bytes < payload.size_bytes:
                raise shorter_file(payload.path, now_bytes, payload.size_bytes) from None
        else:
            return


def _cpu_seconds() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
