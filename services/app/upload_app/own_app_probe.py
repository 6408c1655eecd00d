"""Imports the user's app in a process of its own, and reports how servers call it. Needs no Flask.

The last line of the output is the report, as JSON behind ``MARK``.
"""

import importlib
import inspect
import json
import os
import sys
import traceback
from typing import Any

from upload_app.own_app import load_own_app

MARK = "own-app: "
MOST_NAMES = 20
WSGI, ASGI = "wsgi", "asgi"
ARGUMENTS = {2: WSGI, 3: ASGI}
"""``environ, start_response``; ``scope, receive, send``."""


def report() -> dict[str, Any]:
    """Return the app's interface and routes, or why there is none."""
    place = os.environ["OWN_APP"]
    name = place.partition(":")[0]
    try:
        app = load_own_app({**os.environ, "OWN_APP_GUARD": "0"})
    except BaseException as error:
        module = sys.modules.get(name)
        if isinstance(error, AttributeError) and module is not None and _is_missing(error, module):
            return {"missing": True, "names": _names(module)}
        return {"error": _reason(error)}
    interface, why = interface_of(app)
    if not interface:
        return {"error": why, "names": _names(importlib.import_module(name))}
    framework = next((base.__module__.partition(".")[0] for base in type(app).__mro__[-2::-1]), "")
    return {"interface": interface, "framework": framework, "routes": routes_of(app)}


def interface_of(app: Any) -> tuple[str, str]:
    """Return ``wsgi`` or ``asgi``; for what is no app, empty and why."""
    if not callable(app):
        return "", f"it is no callable, its type is {type(app).__name__}"
    kind = app if inspect.isclass(app) else type(app)
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(vars_of(kind).get("__call__")):
        return ASGI, ""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return WSGI, ""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    places = [known for known in parameters if known.kind in kinds]
    needed = sum(known.default is inspect.Parameter.empty for known in places)
    if any(known.kind is inspect.Parameter.VAR_POSITIONAL for known in parameters):
        return WSGI, ""
    for count, interface in ARGUMENTS.items():
        if needed <= count <= len(places):
            return interface, ""
    return "", f"it takes {needed} arguments, and a WSGI app 2: if it is a factory, write it with ()"


def vars_of(kind: type) -> dict[str, Any]:
    """Return what a class and those that it is made from define."""
    return {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}


def routes_of(app: Any) -> list[str]:
    """Return the paths that the app's framework has, as far as it says them."""
    found: list[str] = []
    if hasattr(app, "url_map"):  # Flask, Quart
        found = [str(rule.rule) for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    elif isinstance(getattr(app, "routes", None), list):  # Starlette, FastAPI
        found = [str(route.path) for route in app.routes if hasattr(route, "path")]
    elif type(app).__module__.startswith("django."):
        from django.urls import get_resolver  # type: ignore[import-not-found,unused-ignore]

        found = [f"/{pattern.pattern}" for pattern in get_resolver().url_patterns]
    return found[:MOST_NAMES]


def _is_missing(error: AttributeError, module: Any) -> bool:
    """Return whether the module itself lacks the attribute, and not something that its code looks for."""
    return error.obj is module


def _names(module: Any) -> list[str]:
    """Return the names of a module that may be an app or make one."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and (getattr(value, "__module__", module.__name__) == module.__name__ or not _is_definition(value))
    ]
    return own[:MOST_NAMES]


def _is_definition(value: Any) -> bool:
    """Return whether a value is a class or a function, which a module usually has from another one."""
    return inspect.isclass(value) or inspect.isroutine(value)


def _reason(error: BaseException) -> str:
    """Return an error in a line, with the place in the user's code where it came from."""
    text = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    here = os.environ["OWN_APP_FOLDER"] + os.sep
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(here)]
    where = f" ({places[-1].filename.removeprefix(here)}, line {places[-1].lineno})" if places else ""
    return f"{text}{where}"


if __name__ == "__main__":
    said = report()
    print(f"\n{MARK}{json.dumps(said)}", flush=True)
    os._exit(0)  # threads of the app must not keep this process
