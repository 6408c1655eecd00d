"""Where a link's line begins, under a seal: no master and no page has a worker connect anywhere else.

A login or a header goes with each upload, so anyone who chose where a worker connects could have them. The
lab gives its own workers a key in their environment, and seals each line for one step and one server.
"""

import hmac
import os
from argparse import Namespace
from hashlib import sha256

from uploadlab.errors import UsageError

KEY = "LAB_LINE_KEY"
"""The variable with the key, of the lab's own workers alone: Locust's master does not have it."""


def sealed(line: str, step_id: str, url: str, key: str) -> str:
    """Return a line, ``HOST:PORT``, as a worker with this key takes it."""
    seal = hmac.new(key.encode(), f"{step_id} {url} {line}".encode(), sha256)
    return f"{line}/{seal.hexdigest()}"


def line_of(options: Namespace, url: str) -> tuple[str, int] | None:
    """Return where uploads to a server connect; None: to the server. Raise UsageError without a seal."""
    if not options.line:
        return None
    line, key = options.line.partition("/")[0], os.environ.get(KEY, "")
    expected = sealed(line, options.step, url, key)
    if not key or not hmac.compare_digest(options.line.encode(), expected.encode()):
        raise UsageError("the line of a link is only for workers of the lab that opened it: leave out --line")
    host, _, port = line.rpartition(":")
    return host, int(port)
