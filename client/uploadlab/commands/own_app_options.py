"""Options for an app of the user's own, in place of the lab's behind every server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from uploadlab.commands.lab_command import TargetOption
from uploadlab.commands.options import group
from uploadlab.errors import UsageError
from uploadlab.model.own_apps import OwnApp
from uploadlab.paths import in_container

EXAMPLE = "write --app app:app, or --app ../shop/app.py:app"

own_app_options = group(
    click.option(
        "--app", "app", metavar="MODULE:NAME",
        help="Run your own app instead: docs/own-app.md.",
    ),
    click.option(
        "--route", metavar="PATH", help="Path of your app that takes uploads.  [default: /]", cls=TargetOption
    ),
    click.option(
        "--requirements", type=click.Path(), metavar="FILE",
        help="Packages that your app needs, installed over the lab's.", cls=TargetOption,
    ),
    click.option(
        "--env", "environment", multiple=True, metavar="NAME",
        help="Hand this variable to your app (repeatable).", cls=TargetOption,
    ),
    click.option(
        "--guard", is_flag=True,
        help="Wrap our checks of framing and digests around your WSGI app.", cls=TargetOption,
    ),
)  # fmt: skip
OWN_APP = ("app", "route", "requirements", "environment", "guard")


def app_of(asked: Mapping[str, Any]) -> OwnApp | None:
    """Return the app that the options name; None where they name none. Raise UsageError."""
    word = asked["app"]
    if word is None:
        if given := next((name for name in OWN_APP if asked[name]), None):
            option = "env" if given == "environment" else given
            raise UsageError(f"--{option} is for an app of your own: add --app MODULE:NAME")
        return None
    if in_container():
        raise UsageError("--app is not possible in the client's container: use ./scripts/lab on the host")
    module, folder = _module(word)
    route = asked["route"] or "/"
    if not route.startswith("/") or not route.isprintable() or " " in route:
        raise UsageError(f"--route {route!r} is no path: write --route /upload")
    requirements = asked["requirements"] or ""
    if requirements and not Path(requirements).is_file():
        raise UsageError(f"--requirements {requirements} is no file: name one with a requirement a line")
    return OwnApp(
        module=module, attribute=word.rpartition(":")[2], folder=str(folder), route=route,
        requirements=str(Path(requirements).resolve()) if requirements else "",
        environment=list(asked["environment"]), guard=asked["guard"],
    )  # fmt: skip


def _module(word: str) -> tuple[str, Path]:
    """Return module and folder of ``shop.wsgi:app``, or of ``../shop/wsgi.py:app``; raise UsageError."""
    place, colon, attribute = word.partition(":")
    if not colon or not place or not attribute.strip():
        raise UsageError(f"--app {word!r} is not MODULE:NAME: {EXAMPLE}")
    if not place.endswith(".py") and "/" not in place:
        if not all(part.isidentifier() for part in place.split(".")):
            raise UsageError(f"--app {word!r} names no module: {EXAMPLE}")
        return place, Path.cwd()
    path = Path(place).resolve()
    if not path.is_file() and (package := path.with_suffix("") / "__init__.py").is_file():
        path = package
    if not path.is_file():
        raise UsageError(f"--app {place} is no file: {EXAMPLE}")
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names, folder = [folder.name, *names], folder.parent
    if names[-1] == "__init__":
        names.pop()
    return ".".join(names), folder
