"""Looks at an app of the user's own before anything starts: does it import, and how do servers call it?"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from uploadlab.errors import UsageError
from uploadlab.model.own_apps import Interface, OwnApp
from uploadlab.paths import APP
from uploadlab.planning.own_apps import app_environment
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import search_path

IMPORT_SECONDS = 30.0
"""For the import of an app: some load a model, or wait for a database."""
PROBE = "upload_app.own_app_probe"
MARK = "own-app: "
"""Before the report, on the last line that the probe prints."""
OURS = (
    "PATH", "PYTHONPATH", "HOME", "HOST", "PORT", "BIND", "RUN_DIR", "CA_DIR", "DATA_DIR", "TMPDIR",
    "PROFILE_DIR", "LAB_DEPLOYMENT", "OWN_APP", "OWN_APP_FOLDER", "OWN_APP_GUARD",
)  # fmt: skip
"""Variables that the lab sets for every server."""


def own_environment(app: OwnApp) -> dict[str, str]:
    """Return the variables of the user's environment that the app gets; raise UsageError."""
    for name in app.environment:
        if name in OURS:
            raise UsageError(f"--env {name}: the lab sets it for every server; name another variable")
        if name not in os.environ:
            raise UsageError(f"--env {name} is not set here: type {name}=... before the command")
    return {name: os.environ[name] for name in app.environment}


def examined(app: OwnApp, packages: Path | None, processes: Processes) -> OwnApp:
    """Return the app with its interface, framework and routes; raise UsageError with the app's own reason."""
    option = f"--app {app.place}"
    try:
        _, said = processes.run(
            [sys.executable, "-m", PROBE], _environment(app, packages), Path(app.folder), IMPORT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{option} is not imported after {IMPORT_SECONDS:g} s: what does it wait for when it is imported?"
        ) from None
    report = _report(said)
    if report is None:
        last = [line for line in said.splitlines() if line.strip()][-1:] or ["it printed nothing"]
        raise UsageError(f"{option} ended the process that imported it: {last[0]}")
    if report.get("missing"):
        module, _, attribute = app.place.partition(":")
        raise UsageError(f"{option}: {module} has no {attribute}{_there(report, module)}")
    if "error" in report:
        first = app.module.partition(".")[0]
        if report["error"] == f"ModuleNotFoundError: No module named {first!r}":
            raise UsageError(f"{option}: no module {first} is in {app.folder}: type the command there")
        needs = " (--requirements FILE names packages)" if "ModuleNotFoundError" in report["error"] else ""
        raise UsageError(f"{option} cannot run: {report['error']}{needs}{_there(report, app.module)}")
    if app.guard and report["interface"] == Interface.ASGI:
        raise UsageError(f"--guard wraps WSGI apps, and {app.place} is an ASGI app: leave out --guard")
    return msgspec.structs.replace(
        app,
        interface=Interface(report["interface"]),
        framework=report.get("framework", ""),
        routes=report.get("routes", []),
    )


def _environment(app: OwnApp, packages: Path | None) -> Mapping[str, str]:
    """Return the environment of a server, as far as an import needs it."""
    own = [str(packages)] if packages else []
    return {
        "PATH": search_path(),
        "PYTHONPATH": os.pathsep.join([str(APP), *own, sysconfig.get_path("purelib")]),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **own_environment(app),
        **app_environment(app),
    }


def _report(said: str) -> dict[str, Any] | None:
    """Return what the probe reports; None if it did not come to that."""
    lines = [line for line in said.splitlines() if line.startswith(MARK)]
    if not lines:
        return None
    found = json.loads(lines[-1].removeprefix(MARK))
    return found if isinstance(found, dict) else None


def _there(report: Mapping[str, Any], module: str) -> str:
    """Return which names of the module may be an app."""
    names = report.get("names") or []
    return f"; {module} has {', '.join(names)}" if names else ""
