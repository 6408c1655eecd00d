"""curl: the command, a new process for each upload."""

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from uploadlab.sending.clients import usage
from uploadlab.sending.clients.frame import (
    HTTP2,
    MOST_CONTENT,
    Answer,
    Cannot,
    Upload,
    serve,
    unavailable,
    way,
)

AT_LEAST = (7, 83)
"""The first that writes an answer's headers as JSON."""
FACTS = '%{stderr}{"facts": %{json}, "headers": %{header_json}}'
SAMPLE_SECONDS = 0.01
"""Between two looks at the memory of a curl."""
MOST_REASON = 200
"""Characters of an answer that stand in an error."""
Line = tuple[str, str]
"""Of a config of curl's: an option's long name and its value."""


class CurlFailed(OSError):
    """A curl that ended with another status than 0."""


class Command:
    """What one curl is asked for: ``before`` the upload the URL of that name, over the same connection."""

    before = ""


@contextlib.contextmanager
def session(upload: Upload) -> Iterator[Command]:
    """Yield an empty command: no connection of curl's outlives its process."""
    yield Command()


def get(command: Command, url: str) -> None:
    """Have the curl of the upload ask for this first."""
    command.before = url


@way
def stream(command: Command, upload: Upload) -> Answer:
    """Send by `-T FILE`: above 1 MiB curl waits up to a second for 100 Continue."""
    return _sent(command, upload, [("upload-file", _named(upload))])


@way
def stream_no_expect(command: Command, upload: Upload) -> Answer:
    """Send by `-T FILE -H Expect:`: curl does not wait for 100 Continue."""
    return _sent(command, upload, [("upload-file", _named(upload)), ("header", "Expect:")])


@way
def stream_h2(command: Command, upload: Upload) -> Answer:
    """Send as `stream` over TLS: by itself curl uses HTTP/2 if the server offers it."""
    return stream(command, upload)


@way
def chunked(command: Command, upload: Upload) -> Answer:
    """Send its standard input by `-T -`: the length is unknown."""
    if upload.source in ("text", "async"):
        raise Cannot("curl reads bytes from a file or a pipe")
    with upload.open() as file:
        return _sent(command, upload, [("upload-file", "-")], file)


@way
def form(command: Command, upload: Upload) -> Answer:
    """Send a file by `-F file=@FILE`, as its documentation shows: curl streams it."""
    if "=" in upload.field:
        raise Cannot("curl takes no field whose name has an equals sign")
    others = [("form-string", f"{name}={value}") for name, value in upload.others]
    part = f"{upload.field}=@{_quoted(_named(upload))};filename={_quoted(upload.name)}"
    return _sent(command, upload, [*others, ("form", part)])


CANNOT = {"form-docs": "it is the same as `form`"}


def _named(upload: Upload) -> str:
    if upload.source != "file":
        raise Cannot("curl opens the file by its name, and sends it from its start")
    return upload.path


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sent(command: Command, upload: Upload, lines: list[Line], body: BinaryIO | None = None) -> Answer:
    """Run curl to its end; raise CurlFailed."""
    own = [*_usual(upload), *lines, ("write-out", FACTS), ("url", upload.url), ("request", upload.verb)]
    own += [("header", f"{name}: {value}" if value else f"{name};") for name, value in upload.headers.items()]
    own += [("header", "Expect: 100-continue")] if upload.expect else []
    # --anyauth asks without a login first, and then by the scheme that the server names.
    own += [("user", ":".join(upload.login)), ("anyauth", "")] if upload.login else []
    if command.before:
        own = [*_usual(upload), ("output", os.devnull), ("url", command.before), ("next", ""), *own]
    with tempfile.TemporaryFile() as config, tempfile.TemporaryFile() as facts:
        # In a file, not on the command line, which anyone on this host may read.
        config.write("".join(map(_line, own)).encode(errors="surrogateescape"))
        config.flush()
        return _finished(config.fileno(), facts, body)


def _usual(upload: Upload) -> list[Line]:
    """Return what keeps the user's settings out, and how the certificate is checked."""
    lines = [("noproxy", "*"), ("globoff", ""), ("silent", ""), ("show-error", "")]
    lines += [("cacert", upload.ca_file)] if upload.ca_file else []
    return [*lines, ("insecure", "")] if upload.insecure else lines


def _line(line: Line) -> str:
    name, value = line
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n" if value else f"{name}\n"


def _finished(config: int, facts: BinaryIO, body: BinaryIO | None) -> Answer:
    os.lseek(config, 0, os.SEEK_SET)
    command = ["curl", "--disable", "--config", f"/dev/fd/{config}"]
    with subprocess.Popen(
        command, stdin=body or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=facts, pass_fds=[config]
    ) as process:
        content, peak = _watched(process)
    facts.seek(0)
    words, _, written = facts.read().decode(errors="replace").rpartition('{"facts": ')
    try:
        found: dict[str, Any] = json.loads(f'{{"facts": {written}')
    except ValueError:
        found = {"facts": {}, "headers": {}}
    return _answer(process.returncode, words, found, content, peak)


def _watched(process: subprocess.Popen[bytes]) -> tuple[bytes, int | None]:
    """Return the begin of what a curl prints, and the peak of its memory, once it has ended."""
    stdout = cast(BinaryIO, process.stdout)
    content, peak = b"", 0
    while True:
        peak = max(peak, usage.peak_rss_bytes(process.pid))
        if select.select([stdout], [], [], SAMPLE_SECONDS)[0]:
            block = os.read(stdout.fileno(), MOST_CONTENT)
            if not block:
                process.wait()
                return content, peak or None
            content = (content + block)[:MOST_CONTENT]


def _answer(
    code: int, words: str, found: dict[str, Any], content: bytes, peak_rss_bytes: int | None
) -> Answer:
    facts = found["facts"]
    status = facts.get("response_code", 0)
    if code or not status:
        why = facts.get("errormsg") or words.strip() or "no answer"
        answered = f"; answered {status}: {content[:MOST_REASON].decode(errors='replace')}" if status else ""
        raise CurlFailed(f"curl: ({code}) {why}{answered}")
    version = facts["http_version"]
    return Answer(
        status,
        content,
        found["headers"].get("location", [None])[-1],
        seconds=facts["time_total"],
        protocol=HTTP2 if version == "2" else f"HTTP/{version}",
        peak_rss_bytes=peak_rss_bytes,
    )


def main() -> None:
    """Make uploads, if curl is there."""
    if not shutil.which("curl"):
        return unavailable("curl is not installed")
    said = subprocess.run(
        ["curl", "--disable", "--version"], capture_output=True, text=True, check=False
    ).stdout
    found = re.match(r"curl (\d+)\.(\d+)\S*", said)
    if not found or tuple(map(int, found.groups())) < AT_LEAST:
        return unavailable(f"curl {'.'.join(map(str, AT_LEAST))} or newer is needed, not {said[:40]!r}")
    # No process that lasts has the memory: each curl's is watched.
    return serve(session, get, {"curl": found[0].removeprefix("curl ")}, processes=lambda: [])


if __name__ == "__main__":
    main()
