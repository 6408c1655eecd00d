"""Addresses: which of them only this host reaches, and how each is written and listened on."""

import ipaddress
import socket
from urllib.parse import urlsplit

IPV4, IPV6 = "127.0.0.1", "::1"
"""Loopback."""


def is_loopback(host: str) -> bool:
    """Return whether only this host reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_address(host: str) -> bool:
    """Return whether it is an address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_this_host(host: str) -> bool:
    """Return whether it means the host that asks, even if others reach it too."""
    return is_loopback(host) or is_unspecified(host) or host == socket.gethostname()


def is_unspecified(host: str) -> bool:
    """Return whether it stands for all of a host's addresses."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def reached(host: str) -> str:
    """Return where a client of this host reaches a server that listens there."""
    if not is_unspecified(host):
        return host
    return IPV6 if ":" in host else IPV4


def in_url(host: str) -> str:
    """Return the host as it stands before ``:PORT``: an IPv6 address has brackets there."""
    return f"[{host}]" if ":" in host else host


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL that ``url_problem`` finds nothing wrong with."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def numeric(host: str) -> str:
    """Return the address that a name means, IPv4 first: each server resolves names in its own way.

    Raise OSError or UnicodeError if the name means no address.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    by_family = {family: str(where[0]) for family, *_, where in reversed(found)}
    return by_family.get(socket.AF_INET) or str(found[0][4][0])


def url_problem(url: str) -> str:
    """Return why no client can send to this URL; empty if it is one."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host.encode("idna")
    except UnicodeError:
        return "a part of its host is empty, or longer than 63 letters"
    except ValueError:  # whose text may hold a part of a password
        return "its port is no number up to 65535, or its address in brackets is none"
    if parts.scheme not in ("http", "https"):
        return "it begins with neither http:// nor https://"
    if not host:
        return "it names no host"
    if "@" in parts.path:  # behind a slash in a password; what follows would be stored as a path
        return "an @ stands behind its first slash, write %40 there, or %2F for a slash in a password"
    return "port 0 is none" if port == 0 else ""
