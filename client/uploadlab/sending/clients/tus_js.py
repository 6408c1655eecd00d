"""tus-js-client, which Node and pages send resumable uploads with: where its package is."""

import json
import os
from pathlib import Path

from uploadlab.sending.clients.frame import Cannot

ENVIRONMENTS = "LAB_CLIENT_ENVIRONMENTS"
"""The variable that names the folder of all clients' packages."""
NAME = "tus-js-client"


def is_sent_by_tus_js(way: str) -> bool:
    """Return whether a way is one of tus-js-client's."""
    return way.startswith("resumable")


def tus_js_package() -> Path:
    """Return the package's folder; raise Cannot if it is not installed."""
    found = Path(os.environ.get(ENVIRONMENTS, "")) / NAME / "node_modules" / NAME
    if not found.is_dir():
        raise Cannot(f"{NAME} is not installed: ./scripts/install clients may fix that; containers have none")
    return found


def tus_js_version() -> dict[str, str]:
    """Return the package's version, if it is installed."""
    try:
        return {NAME: json.loads((tus_js_package() / "package.json").read_text())["version"]}
    except Cannot:
        return {}
