"""What a process of Locust lets nobody else decide: the file that it sends, and the servers that it sends to.

Locust's master sends its options and its host to every worker, over a plain channel that anyone can join;
its web page changes options, too. Both may choose how uploads are made, never of what and to whom.
"""

import shutil
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from uploadlab.errors import UsageError
from uploadlab.load.options import check_options
from uploadlab.load.sealed_lines import line_of
from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.private_urls import kept_apart_or_masked
from uploadlab.runtimes.addresses import url_problem
from uploadlab.units import MOST, format_size, parse_size

HOW = ("methods", "size", "slow_users", "pace", "budget", "unverified", "expect_status", "field")
OTHERS_DECIDE = frozenset((*HOW, "step", "seconds", "most_bytes", "line"))
"""The options that a worker takes from its master; all others are its own. A line is under the lab's seal."""
ANY_HOST = "*"
SHARE_OF_DISK = 0.5
"""Of the free space, for the file that a worker makes."""


class OwnTerms:
    """The file, the folder for rows and the targets of this process's own command line."""

    def __init__(self) -> None:
        self._own = Namespace(file="", rows="", host="", allow_host="")

    def take(self, options: Namespace) -> None:
        """Keep what this process was started with, before anyone else can change it."""
        hosts = ",".join(map(kept_apart_or_masked, filter(None, options.allow_host.split(","))))
        own = {"host": kept_apart_or_masked(options.host or ""), "allow_host": hosts}
        self._own = Namespace(**{**vars(options), **own})

    @property
    def file(self) -> str:
        """The user's own file to send; empty: one is made."""
        return str(self._own.file)

    @property
    def rows(self) -> str:
        """The folder for rows; empty: a new one."""
        return str(self._own.rows)

    @property
    def targets(self) -> list[str]:
        """The addresses that this process may send to."""
        words = [self._own.host or "", *self._own.allow_host.split(",")]
        return [word.strip().rstrip("/") for word in words if word.strip()]

    def allows(self, url: str) -> bool:
        """Return whether this process may send to that address."""
        return not url_problem(url) and any(_matches(target, url.rstrip("/")) for target in self.targets)

    def agreed(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return a master's job without what only this process decides; raise UsageError if it is refused."""
        host, wanted = str(job.get("host") or ""), job.get("parsed_options")
        if not self.allows(host):
            shown = plain(host, OF_A_SERVER)
            raise UsageError(f"a worker refuses {shown}: start that worker with --host {shown}")
        options = {name: value for name, value in dict(wanted or {}).items() if name in OTHERS_DECIDE}
        for name, value in options.items():
            _require_kind(name, value, vars(self._own).get(name))
        together = Namespace(**{**vars(self._own), **options})
        check_options(together)
        line_of(together, host)
        if not self.file:
            _require_disk(parse_size(together.size))
        return {
            "timestamp": float(job.get("timestamp") or 0.0),
            "host": host,
            "stop_timeout": self._own.stop_timeout,
            "parsed_options": options,
            "user_classes_count": user_counts(job.get("user_classes_count")),
        }

    def ignored(self, job: Mapping[str, Any]) -> list[str]:
        """Return the options that a master has set in vain."""
        wanted = dict(job.get("parsed_options") or {})
        mine = {"--file": ("file", self.file), "--rows": ("rows", self.rows)}
        return [option for option, (name, value) in mine.items() if wanted.get(name, "") not in ("", value)]


def _matches(target: str, url: str) -> bool:
    """Return whether an address is that target, or one of ``http://*:8000``."""
    allowed, named = urlsplit(target), urlsplit(url)
    if allowed.hostname != ANY_HOST:
        return target == url
    same = (allowed.scheme, allowed.port) == (named.scheme, named.port)
    return same and "@" not in named.netloc and not (named.path or named.query or named.fragment)


def _require_kind(name: str, value: object, own: object) -> None:
    """Raise UsageError unless a master's option is of the kind of this process's own."""
    fits = isinstance(value, type(own)) or (isinstance(own, float) and isinstance(value, int))
    if isinstance(value, bool) or not fits or (isinstance(value, float) and not isfinite(value)):
        raise UsageError(f"a worker refuses {name} {plain(repr(value), OF_A_SERVER)}: it is of another kind")


def user_counts(counts: object) -> dict[str, int]:
    """Return the numbers of users by kind; raise UsageError for what are none."""
    if not isinstance(counts, dict) or not all(
        isinstance(name, str) and isinstance(count, int) and 0 <= count <= MOST
        for name, count in counts.items()
    ):
        raise UsageError(f"refused users {plain(repr(counts), OF_A_SERVER)}: at most {MOST}")
    return dict(counts)


def _require_disk(size_bytes: int) -> None:
    """Raise UsageError for a file that would fill the disk of this worker."""
    most = shutil.disk_usage(tempfile.gettempdir()).free * SHARE_OF_DISK
    if size_bytes > most:
        raise UsageError(
            f"a worker refuses to make a file of {format_size(size_bytes)}: it may have half its disk"
        )
