"""WSGI middleware that refuses what only a web page of another site sends. It needs no Flask.

A server on loopback has no password: its address is the protection, and a browser beside it reaches that
address for any page. A page sends with its own ``Origin`` and ``Sec-Fetch-Site``. A page that points its own
name at this server (DNS rebinding) sends that name as ``Host``.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from upload_app.framing import App, Environ, Refusal, answer_refusal
from upload_app.settings import Settings

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\],/@]+)(?::[0-9]*)?")
"""A name or an address, and a port (RFC 9110, 7.2)."""
ORIGIN = re.compile(r"[a-z]+://(\[[0-9a-f:.]+\]|[^\s:\[\],/@?#\\]+)(?::[0-9]+)?", re.IGNORECASE)
"""A scheme, a host and a port, as browsers write an Origin; schemes of extensions have a dash."""
ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
"""The host of a whole address as proxies are sent it, which counts before the header (RFC 9112, 3.2.2)."""
LOCAL_NAME = re.compile(r"[a-z0-9_-]+")
OWN_SITE = ("", "same-origin", "none")
"""Of Sec-Fetch-Site, where no other host has sent the page (W3C Fetch Metadata, 2.2)."""


class Hosts(NamedTuple):
    """The names that this server answers to."""

    names: frozenset[str]
    any_address: bool
    """Whether it listens on all addresses: no DNS is asked for an address, so no page can have taken it."""

    @classmethod
    def of(cls, settings: Settings) -> "Hosts":
        """Return those of a deployment: its name, what it listens on, and what ALLOWED_HOSTS adds."""
        names = (settings.host, settings.deployment, *settings.allowed_hosts)
        everywhere = (address := _address(settings.host)) is not None and address.is_unspecified
        return cls(frozenset(_bare(name) for name in names), everywhere)

    def include(self, host: str) -> bool:
        """Return whether this server answers to a host, without its port.

        A name without a dot is none of the public DNS: it is localhost, or a service of the lab.
        """
        host = _bare(host)
        if host in self.names:
            return True
        if (address := _address(host)) is None:
            return bool(LOCAL_NAME.fullmatch(host)) or host.endswith(".localhost")
        return self.any_address or address.is_loopback or address.is_unspecified


class SameSite:
    """WSGI middleware that calls the app, or answers with a refusal's JSON."""

    def __init__(self, app: App, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app unless a page of another site asks."""
        refusal = find_foreign(environ, self._hosts)
        return answer_refusal(refusal, start_response) if refusal else self._app(environ, start_response)


def find_foreign(environ: Mapping[str, Any], hosts: Hosts) -> Refusal | None:
    """Return why this request is refused; None if no page of another site can have sent it."""
    host = ""
    for written in (_target_host(environ), environ.get("HTTP_HOST", "")):  # every browser sends one
        match = HOST.fullmatch(written)
        if written and not match:
            return Refusal(HTTPStatus.BAD_REQUEST, f"Host: {written[:40]!r} is malformed")
        host = match[1] if match else host
        if host and not hosts.include(host):
            name = host[:80]
            reason = f"this server does not answer to {name!r}: start it with ALLOWED_HOSTS={name}"
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, reason)
    if _is_cross_site(environ, host):
        return Refusal(HTTPStatus.FORBIDDEN, "a web page of another site may not use this server")
    return None


def _target_host(environ: Mapping[str, Any]) -> str:
    """Return the host in the request line; empty for a path."""
    match = ABSOLUTE.match(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "")
    return match[1] if match else ""


def _is_cross_site(environ: Mapping[str, Any], host: str) -> bool:
    """Return whether a page of another host asks. A link that is followed may: no page reads its answer."""
    site = environ.get("HTTP_SEC_FETCH_SITE", "").strip()
    origin = environ.get("HTTP_ORIGIN", "").strip()  # nginx cannot tell an empty header from none
    if environ["REQUEST_METHOD"] in ("GET", "HEAD") and environ.get("HTTP_SEC_FETCH_MODE") == "navigate":
        return False
    if not origin:
        return site not in OWN_SITE
    # Another port of the same host is the lab's, such as a page that uploads to several servers.
    match = ORIGIN.fullmatch(origin)
    return site not in (*OWN_SITE, "same-site") or not match or _bare(match[1]) != _bare(host)


def _bare(host: str) -> str:
    """Return a host as it is compared: lower case, no brackets, no dot of the root at its end."""
    return host.lower().strip("[]").removesuffix(".")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
