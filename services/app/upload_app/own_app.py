"""An app of the user's own, in place of ours behind every server. Needs no Flask.

``OWN_APP`` names the app as gunicorn does: ``module:attribute``, or ``module:factory()``. The app is imported
from ``OWN_APP_FOLDER`` and works there. ``OWN_APP_GUARD=1`` wraps the lab's checks around it.
"""

import ast
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any


def load_own_app(environ: Mapping[str, str]) -> Any:
    """Import the app and return it; raise whatever its import raises, or AttributeError, ValueError."""
    folder = environ["OWN_APP_FOLDER"]
    os.chdir(folder)
    sys.path.insert(0, folder)
    module, _, words = environ["OWN_APP"].partition(":")
    app = find_app(importlib.import_module(module), words)
    if environ.get("OWN_APP_GUARD") == "1":
        from upload_app.guard import Guard

        if not hasattr(app, "wsgi_app"):
            return Guard(app)
        app.wsgi_app = Guard(app.wsgi_app)  # as Flask documents it: flask run needs Flask's own object
    return app


def find_app(module: Any, words: str) -> Any:
    """Return the attribute of these words, or what it returns if they call it.

    Raise AttributeError, ValueError, and what a factory raises.
    Arguments are literals, as gunicorn takes them: ``create_app("production")``.
    """
    try:
        expression = ast.parse(words, mode="eval").body
        if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
            arguments = [ast.literal_eval(argument) for argument in expression.args]
            named = {word.arg: ast.literal_eval(word.value) for word in expression.keywords if word.arg}
            return getattr(module, expression.func.id)(*arguments, **named)
    except SyntaxError:
        expression = None
    if not isinstance(expression, ast.Name):
        raise ValueError(f"{words!r} is neither a name nor a call with plain values")
    return getattr(module, expression.id)
