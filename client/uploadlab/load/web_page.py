"""Who may use Locust's page: its user, not every page that the user's browser has open.

The page starts uploads and changes the server that gets them. Locust itself asks for no password, and lets
pages of other origins read its answers.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

from uploadlab.runtimes.addresses import is_address

OWN_SITES = ("same-origin", "none")
"""Values of Sec-Fetch-Site: asked for by the page itself, or by the user (W3C, Fetch Metadata)."""


def guard_page(web_ui: Any, listens: str) -> None:
    """Refuse requests of other sites with 403, and under a name that this page does not have with 421."""
    if web_ui is None:
        return

    @web_ui.app.before_request
    def refuse() -> tuple[str, int] | None:
        from flask import request

        return refused(request.headers, listens)


def refused(headers: Any, listens: str) -> tuple[str, int] | None:
    """Return the answer to a request that the page must not act upon; None for its own.

    The owner of a name can have it mean any address; an address means itself.
    """
    host = headers.get("Host", "")
    name = _host_of(f"//{host}")
    if not (is_address(name) or name in ("localhost", listens, socket.gethostname())):
        return "this page has no such name: open it by its address\n", 421
    origin = headers.get("Origin")
    if headers.get("Sec-Fetch-Site", "none") not in OWN_SITES or (
        origin and origin.partition("://")[2] != host
    ):
        return "this request comes from a page of another site\n", 403
    return None


def _host_of(address: str) -> str:
    """Return the host of an address; empty for none, and for what is malformed."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
