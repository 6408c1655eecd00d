"""Which app a server runs: ours, or the user's own, which needs no Flask."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from upload_app.settings import Settings


def make_application(environ: Mapping[str, str], lingers: bool = True) -> Any:
    """Return the app that the environment names; raise what its import raises.

    Without ``lingers``, our app does not read on after a refusal, whatever its settings say.
    """
    if environ.get("OWN_APP"):
        from upload_app.own_app import load_own_app

        return load_own_app(environ)
    from upload_app.app import create_app

    settings = Settings.from_environment(environ)
    return create_app(settings if lingers else replace(settings, linger_seconds=0))
