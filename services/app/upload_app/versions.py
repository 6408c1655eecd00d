"""The versions of what runs here: Python packages, the server, and the front before it."""

import platform
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

OF_FLASK = {"blinker", "click", "itsdangerous", "jinja2", "markupsafe"}
"""What Flask installs for itself; no server is compared by them."""
PRODUCT = re.compile(r"([\w.-]+)/([\w.]+)")


def find_versions(environ: Mapping[str, Any], front: str) -> dict[str, str]:
    """Return names with versions; ``front`` is ``name number`` of the front, or empty."""
    found = {"python": platform.python_version(), **_server(environ), **_packages()}
    name, _, number = front.partition(" ")
    return {**found, name: number} if name else found


@cache
def _packages() -> dict[str, str]:
    """Return the installed packages that this process has loaded."""
    found = {}
    for name in sorted({module.partition(".")[0] for module in list(sys.modules)} - OF_FLASK):
        with suppress(PackageNotFoundError, ValueError):
            found[name] = version(name)
    return found


def _server(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what the server says of itself."""
    if uwsgi := environ.get("uwsgi.version"):
        return {"uwsgi": uwsgi.decode()}
    found = {name.lower(): number for name, number in PRODUCT.findall(environ.get("SERVER_SOFTWARE", ""))}
    if wsgi := environ.get("mod_wsgi.version"):
        found["mod_wsgi"] = ".".join(map(str, wsgi))
    return found
