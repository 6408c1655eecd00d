"""The command ``doctor``: which hop of your stack does what to uploads?"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from uploadlab.commands.options import LabCommand
from uploadlab.commands.target_options import endpoint_options
from uploadlab.commands.value_types import MINUTES
from uploadlab.doctoring.configs import read_configs
from uploadlab.doctoring.diagnose import diagnose_endpoint, joined
from uploadlab.doctoring.endpoint import Endpoint, far_end_of
from uploadlab.doctoring.examine import examine, most_requests
from uploadlab.doctoring.far_end import make_far_end
from uploadlab.doctoring.logs import read_log
from uploadlab.doctoring.show import Copies, show_diagnosis, told
from uploadlab.errors import FAILED, INTERRUPTED, UsageError
from uploadlab.model.diagnoses import Weight
from uploadlab.model.exchanges import Examination, Stop
from uploadlab.model.targets import TargetSpec
from uploadlab.paths import program
from uploadlab.presenting.doctor_report import announcement
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import kept_apart, masked_word
from uploadlab.runtimes.addresses import is_loopback, url_problem
from uploadlab.units import parse_size

Described = Callable[[str], TargetSpec]
LISTS = ("--config", "--log")
"""Options that take all words up to the next option, or a URL."""
LEAST_BUDGET = 1_000_000
"""Bytes."""
LONGEST_RUNG = 600.0


class DoctorCommand(LabCommand):
    """A command whose options for files take several."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat ``--config`` before each of its files: ``--config a b`` is ``--config a --config b``."""
        words: list[str] = []
        option = ""
        for word in args:
            if word in LISTS:
                option, words = word, words
            elif option and not (word.startswith("-") and word != "-") and "://" not in word:
                words += [option, word]
            else:
                option, words = "", [*words, word]
        if args and args[-1] in LISTS:
            raise UsageError(f"{args[-1]} needs a file: {args[-1]} nginx.conf")
        return super().parse_args(ctx, words)


class Rungs(click.ParamType[list[float]]):
    """Seconds with commas between them."""

    name = "5,30,60"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """Return the seconds; raise UsageError."""
        if isinstance(value, list):
            return value
        try:
            rungs = [float(word) for word in value.split(",")]
        except ValueError:
            rungs = [0.0]
        if not all(0 < rung <= LONGEST_RUNG for rung in rungs):
            raise UsageError(f"--rungs {value!r}: write seconds up to {LONGEST_RUNG:g}, as 5,30,60")
        return sorted(rungs)


Asked = dict[str, Any]


@click.command(
    cls=DoctorCommand,
    epilog="""\b
Examples:
  lab doctor http://127.0.0.1:8000/upload
  lab doctor https://example.org/upload --field document --yes
  lab doctor --print-probe > upload_lab_probe.py  beside your app; then:
  lab doctor https://example.org/up --probe /upload-lab-probe --token TOKEN
  lab doctor --config nginx.conf app.ini    which lines limit uploads?
  journalctl -u nginx | lab doctor --log -  what do these errors mean?
""",
)
@click.argument("url", required=False)
@click.option("--probe", metavar="PATH", help="Path of the far end, on the same host.")
@click.option("--token", metavar="TOKEN", help="Token of the far end.")
@click.option("--print-probe", is_flag=True, help="Print the far end: a file for your app.")
@click.option(
    "--config", "configs", multiple=True, metavar="FILE...", help="Read configs of servers and fronts."
)
@click.option("--log", "logs", multiple=True, metavar="FILE...", help="Read logs; - is standard input.")
@click.option("--budget", default="100MB", metavar="SIZE", help="Send at most this.  [default: 100MB]")
@click.option("--minutes", type=MINUTES, default=5.0, help="Time limit in minutes.  [default: 5]")
@click.option(
    "--rungs",
    type=Rungs(),
    default="5,30,60",
    help="Seconds to try: of silence, of one upload, and of waiting.  [default: 5,30,60]",
)
@click.option("--yes", is_flag=True, help="Send to another host than this one.")
@click.option("--json", "json_file", metavar="FILE", help="Also write all requests and findings.")
@click.option("--markdown", metavar="FILE", help="Also write the answer as Markdown.")
@click.option("--html", metavar="FILE", help="Also write the answer as a page.")
@endpoint_options
def command(
    url: str | None, described: Described, print_probe: bool, configs: tuple[str, ...],
    logs: tuple[str, ...], **asked: Any,
) -> int:  # fmt: skip
    """Find which hop and setting break or slow uploads.

    Sends many kinds of uploads to URL, which must be your own, up to --budget. With --config or --log it
    only reads files. Exit code 1 if uploads are lost or fail.
    """
    screen = Screen()
    if print_probe:
        return _print_probe(asked["token"] or "", screen)
    if url is None and not (configs or logs):
        example = "doctor http://127.0.0.1:8000/upload"
        raise UsageError(f"doctor needs a URL, --config FILE or --log FILE: {program()} {example}")
    copies = Copies(asked["json_file"], asked["markdown"], asked["html"])
    copies.require()
    read = [read_configs([Path(name) for name in configs])] if configs else []
    read += [read_log(name) for name in logs]
    seen = _visit(url, described, asked, screen) if url else None
    diagnosis = joined([*([diagnose_endpoint(seen)] if seen else []), *read])
    show_diagnosis(diagnosis, seen, screen, copies)
    if seen and seen.stop is Stop.INTERRUPTED:
        return INTERRUPTED
    unusable = seen is not None and seen.stop is Stop.UNUSABLE
    return FAILED if unusable or any(found.weight is not Weight.NOTE for found in diagnosis.findings) else 0


def _print_probe(token: str, screen: Screen) -> int:
    """Print the far end, and beside it how to use it."""
    made = make_far_end(token=token)
    screen.raw(made.source)
    last = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(made.until))
    screen.note(
        f"Save it as upload_lab_probe.py beside your app; its first lines say how. It answers until {last}."
    )
    screen.note(f"Then: {program()} doctor URL --probe /upload-lab-probe --token {made.token}")
    return 0


def _visit(url: str, described: Described, asked: Asked, screen: Screen) -> Examination:
    """Examine an endpoint; raise UsageError."""
    if problem := url_problem(url):
        example = "http://127.0.0.1:8000/upload" if "://" in url else f"http://{masked_word(url)}"
        raise UsageError(f"{masked_word(url)!r}: {problem}; write {example}")
    public = kept_apart(url)
    endpoint = Endpoint(public, spec := described(public), as_form=spec.only_forms)
    far_end = _far_end(endpoint, asked["probe"], asked["token"])
    if parse_size(asked["budget"]) < LEAST_BUDGET:
        raise UsageError(f"--budget {asked['budget']}: too little to find anything; 1MB is the least")
    budget, seconds = parse_size(asked["budget"]), 60 * asked["minutes"]
    far_url = far_end.url if far_end else ""
    lines = announcement(public, most_requests(), budget, seconds, far_url)
    for line in lines:
        screen.note(line)
    if not asked["yes"] and not is_loopback(endpoint.address.hostname or ""):
        raise UsageError(
            f"{endpoint.address.netloc} is another host, so nothing was sent: add --yes to begin"
        )
    with told(screen, most_requests()) as report:
        return examine(endpoint, far_end, (budget, seconds), asked["rungs"], report)


def _far_end(endpoint: Endpoint, path: str | None, token: str | None) -> Endpoint | None:
    """Return the far end that the user has mounted; raise UsageError."""
    if not (path or token):
        return None
    if not (path and token):
        raise UsageError("--probe and --token belong together: --probe /upload-lab-probe --token TOKEN")
    if not path.startswith("/") or path.startswith("//") or "?" in path:
        raise UsageError(f"--probe {path!r} is no path of the same host: write /upload-lab-probe")
    return far_end_of(endpoint, path, token)
