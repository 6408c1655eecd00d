"""Uploads one file: ``python3 client/uploader.py 512MB-file.txt -t request.stream``.

The small command of the original write-up, with all methods of the lab. It prints "uploaded"
only after the server's stored bytes were compared with the file.
"""

import os
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
if (VENV / "bin" / "python").exists() and Path(sys.prefix) != VENV:
    # Any python may start this; the libraries are where scripts/install puts them.
    os.execv(VENV / "bin" / "python", [str(VENV / "bin" / "python"), *sys.argv])  # noqa: S606  no shell is needed

try:
    import click
    from uploadlab.catalogue.clients import CLIENTS, LAB_METHODS, sent_by
    from uploadlab.catalogue.methods import Method
    from uploadlab.catalogue.payloads import Payload, describe
    from uploadlab.commands.main import run
    from uploadlab.errors import LabError, UsageError
    from uploadlab.model.measurements import Outcome, Status
    from uploadlab.paths import BENCHMARK
    from uploadlab.plain_text import plain_lines
    from uploadlab.presenting.streams import print_if_possible
    from uploadlab.presenting.terminal import Screen
    from uploadlab.private_urls import kept_apart, masked_word
    from uploadlab.runtimes.addresses import url_problem
    from uploadlab.selection import check
    from uploadlab.sending.upload import Uploaded, upload
    from uploadlab.sending.verification import fetch_profile, verify
    from uploadlab.storage.run_files import RunFiles
except ModuleNotFoundError as missing:
    if {"-h", "--help"}.intersection(sys.argv[1:]):
        from uploadlab.commands.help_text import UPLOADER, committed_help

        print(committed_help(UPLOADER), end="")
        sys.exit()
    sys.exit(f"uploader.py: {missing.name} is not installed: run ./scripts/install first")

DEFAULT_URL = "http://localhost:5000/"
SILENCE_SECONDS = 600.0
"""A server that is silent for this time is given up. Reading by lines takes long."""
MAKE_ONE = "make a file with ./scripts/make-file.sh 512MB"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80})
@click.argument("file")
@click.option(
    "-t",
    "--type",
    "method",
    type=click.Choice(list(LAB_METHODS)),
    default="request.stream",
    metavar="METHOD",
    help=f"How it is sent and received: {', '.join(LAB_METHODS)}.  [default: request.stream]",
)
@click.option("--url", envvar="UPLOAD_URL", default=DEFAULT_URL, show_default=True, help="Or set UPLOAD_URL.")
@click.option("--client", metavar="NAME", help=f"Send by another client, the same way: {', '.join(CLIENTS)}.")
@click.option("--profile", is_flag=True, help="Have the server profile it; written to benchmark/.")
def command(file: str, method: str, url: str, client: str | None, profile: bool) -> None:
    """Upload FILE and verify what was stored."""
    sender = _sent_by(client, method) if client else LAB_METHODS[method]
    payload = _payload(file)
    if problem := url_problem(url):
        raise UsageError(f"--url {masked_word(url)!r} is not an address, {problem}: write {DEFAULT_URL}")
    url = kept_apart(url)
    using = f"{method} by {client}" if client else method
    print_if_possible(f"Uploading {file} using {using} ...")
    query: dict[str, Any] = {"profile": "1"} if profile else {}
    uploaded = upload(url, sender, payload, SILENCE_SECONDS, **query)
    outcome = verify(url, uploaded, payload, keep=True)
    called = url + sender.route
    if outcome.status is not Status.OK:
        asked = f" ({url}{uploaded.stored_at} was asked)" if uploaded.stored_at else ""
        why = f"{outcome.status}: {outcome.error}{asked}{_advice(outcome)}"
        raise LabError(f"{file} was not uploaded to {called}: {why}")
    print_if_possible(f"File {file} uploaded using {using}.")
    if outcome.fallback:
        Screen().note(f"{method}: {outcome.fallback}.")
    _warn_if_grown(payload)
    if profile:
        print_if_possible(f"Profile: {_write_profile(url, uploaded, called)}")


def _sent_by(client: str, method: str) -> Method:
    """Return a method as another client sends it; raise UsageError."""
    check("client", client, CLIENTS)
    try:
        return sent_by(LAB_METHODS[method], client)
    except KeyError as error:
        why = f"--client {client} cannot send {method}: {error.args[0]}"
        raise UsageError(f"{why}; choose another -t or --client") from None


def _advice(outcome: Outcome) -> str:
    """Return what to type after an upload without success."""
    if outcome.status is Status.FAILED:
        return "; start a server with ./scripts/lab serve flask, or name one with --url"
    if outcome.http_status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return f"; --url takes the address of a server with the lab's routes, without a route: {DEFAULT_URL}"
    return ""


def _payload(file: str) -> Payload:
    try:
        payload = describe(Path(file))
    except OSError as error:
        raise LabError(f"cannot read {file}: {error.strerror}; {MAKE_ONE}") from None
    if not payload.size_bytes:
        raise LabError(f"{file} is empty, nothing to upload: {MAKE_ONE}")
    return payload


def _warn_if_grown(payload: Payload) -> None:
    """Print that the file is longer now: only what was announced was sent."""
    with suppress(OSError):
        if Path(payload.path).stat().st_size > payload.size_bytes:
            grown = f"{payload.path} grew while it was sent"
            Screen().note(f"{grown}: its first {payload.size_bytes} bytes are stored.")


def _write_profile(url: str, uploaded: Uploaded, called: str) -> Path:
    files, why = fetch_profile(url, uploaded)
    name = next((name for name in files if name.endswith(".txt")), None)
    if name is None:
        raise LabError(f"{called} sent no profile: {why}")
    path = BENCHMARK / Path(name).name
    try:
        content = plain_lines(files[name].decode(errors="replace")).encode()
        RunFiles(BENCHMARK).replace(path.name, content)  # the server chose the name: no link is followed
    except OSError as error:
        raise LabError(f"cannot write the profile to {path}: {error.strerror}") from None
    return path


if __name__ == "__main__":
    run(command, "uploader.py")
