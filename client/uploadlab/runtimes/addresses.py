"""Addresses: which of them only this host reaches."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Return whether only this host reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_this_host(host: str) -> bool:
    """Return whether it means the host that asks, even if others reach it too."""
    return is_loopback(host) or is_unspecified(host) or host == socket.gethostname()


def is_unspecified(host: str) -> bool:
    """Return whether it stands for all of a host's addresses."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
