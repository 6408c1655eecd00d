"""The lab's options of Locust, beside its own."""

import os
from argparse import SUPPRESS, Namespace
from pathlib import Path

from locust.argument_parser import LocustArgumentParser

from uploadlab.catalogue.methods import FIELD, OWN_METHODS
from uploadlab.errors import UsageError
from uploadlab.load.job import UNVERIFIED_BYTES
from uploadlab.load.workers import LOOPBACK
from uploadlab.private_urls import masked_word
from uploadlab.runtimes.addresses import url_problem
from uploadlab.selection import choose
from uploadlab.units import format_size, parse_rate, parse_size, positive

OWN_OPTIONS = {
    "--file": "Your own file to send instead; each worker has its own.",
    "--rows": "Folder for uploads.jsonl, with a row for every upload.",
    "--allow-host": "More servers that a master may name to this worker; http://*:8000: any at that port.",
}
MOST_FIELD = 100
"""Letters."""


def add_options(parser: LocustArgumentParser) -> None:
    """Add the lab's options; Locust's web page can change them for each test."""
    # By default Locust listens on all addresses, for anyone to start uploads, or to join.
    parser.set_defaults(web_host=LOOPBACK, master_bind_host=LOOPBACK)
    lab = parser.add_argument_group("uploads")
    lab.add_argument(
        "--methods", default=next(iter(OWN_METHODS)), help=f"Names with commas: {', '.join(OWN_METHODS)}."
    )
    lab.add_argument("--size", default="16MiB", help="Size of the file to send: 16M, 16MiB or 16MB.")
    lab.add_argument("--slow-users", type=int, default=0, help="Number of users that are slow.")
    lab.add_argument("--pace", default="1MB/s", help="Speed of each slow user.")
    lab.add_argument("--budget", type=float, default=60.0, help="Time limit of an upload in seconds.")
    most = format_size(UNVERIFIED_BYTES)
    lab.add_argument("--unverified", default=most, help="Most that a worker's users leave unverified.")
    lab.add_argument("--expect-status", type=int, default=0, help="Status of success on a foreign server.")
    lab.add_argument("--field", default=FIELD, help="The form's field for the file, on a foreign server.")
    # No page and no master sets these three: own_terms.py.
    for option, does in OWN_OPTIONS.items():
        parser.add_argument(option, default="", help=does, include_in_web_ui=False)
    # The lab sets these for each of its steps.
    parser.add_argument("--step", default="", help=SUPPRESS, include_in_web_ui=False)
    parser.add_argument("--seconds", type=float, default=0.0, help=SUPPRESS, include_in_web_ui=False)
    parser.add_argument("--line", default="", help=SUPPRESS, include_in_web_ui=False)
    parser.add_argument("--most-bytes", type=int, default=0, help=SUPPRESS, include_in_web_ui=False)


def check_options(options: Namespace) -> None:
    """Raise UsageError, now rather than from a user in mid-test."""
    choose("method", options.methods.split(","), OWN_METHODS)
    for size in (options.size, options.unverified):
        parse_size(size)
    parse_rate(options.pace)
    positive("--budget", options.budget)
    if options.slow_users:
        positive("--slow-users", options.slow_users)
    if options.expect_status and not 100 <= options.expect_status <= 599:
        raise UsageError(f"--expect-status {options.expect_status} is not an HTTP status: write 200")
    for target in filter(None, options.allow_host.split(",")):
        if problem := url_problem(target):
            raise UsageError(
                f"--allow-host {masked_word(target)!r} is not an address, {problem}: write http://192.0.2.7:8000"
            )
    if not options.field.isprintable() or len(options.field) > MOST_FIELD:
        raise UsageError(f"--field {options.field!r} is not a name: write file")
    if options.file and not _has_content(Path(options.file)):
        raise UsageError(f"--file {options.file}: the file does not exist, cannot be read, or is empty")


def _has_content(path: Path) -> bool:
    """Return whether it is a file, no pipe and no device, with bytes to send that may be read."""
    return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size > 0
