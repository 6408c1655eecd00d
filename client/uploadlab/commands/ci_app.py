"""The two sides of a change of a user's own app: its code and its packages, before and after."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.commands.looked_up import with_known_app
from uploadlab.errors import LabError, UsageError
from uploadlab.model.order import Order
from uploadlab.model.own_apps import OwnApp
from uploadlab.planning.version_lineup import LOCKED
from uploadlab.presenting.terminal import Screen
from uploadlab.versions.requirements import canonical, package_of, separated
from uploadlab.versions.sources import requirement, requirements_of_file


class AppSides(NamedTuple):
    """An app after a change, and before it."""

    head: OwnApp
    base: OwnApp


def app_sides(app: OwnApp, base_folder: Path | None, base: str | None, head: str, screen: Screen) -> AppSides:
    """Return both sides, each imported once to see that it runs; raise UsageError with the app's own reason.

    ``base`` and ``head`` are sides as the user wrote them: a file of requirements is all that the app
    needs, other sides are laid over its requirements. Without ``base`` it is the requirements of the folder.
    """
    before = app
    if base_folder:
        if not base_folder.is_dir():
            raise UsageError(
                f"--base-app {base_folder} is no folder: name a checkout of the code before the change"
            )
        before = msgspec.structs.replace(
            app, folder=str(base_folder.resolve()), requirements=_counterpart(app, base_folder)
        )
    elif base is None:
        raise UsageError("ci needs --base SIDE or --base-app FOLDER: what is the change compared with?")
    after = _with_side(app, head, "--head") if head != LOCKED else app
    before = _with_side(before, base, "--base") if base and base != LOCKED else before
    return AppSides(_known(after, "", screen), _known(before, "the base: ", screen))


def _counterpart(app: OwnApp, base_folder: Path) -> str:
    """Return the file of requirements that the base has at the same place; else the app's own file."""
    file, folder = Path(app.requirements), Path(app.folder)
    if app.requirements and file.is_relative_to(folder):
        other = base_folder.resolve() / file.relative_to(folder)
        return str(other) if other.is_file() else app.requirements
    return app.requirements


def _with_side(app: OwnApp, text: str, option: str) -> OwnApp:
    """Return the app with the packages of a side; raise UsageError."""
    words = separated(text)
    if len(words) == 1 and text.endswith(".txt"):
        requirements_of_file(text, Path.cwd())  # a mistake shows before anything starts
        return msgspec.structs.replace(app, requirements=str(Path(text).resolve()))
    if not words:
        raise UsageError(f"{option} {text!r} names no package: write werkzeug==3.1.9")
    laid_over = [requirement(word, Path.cwd()) for word in words]
    return msgspec.structs.replace(app, requirements="", packages=_merged(_packages(app), laid_over))


def _packages(app: OwnApp) -> Sequence[str]:
    file = Path(app.requirements)
    return requirements_of_file(file.name, file.parent) if app.requirements else []


def _merged(below: Sequence[str], above: Sequence[str]) -> list[str]:
    names = {canonical(package_of(word)) for word in above}
    return [*(word for word in below if canonical(package_of(word)) not in names), *above]


def _known(app: OwnApp, prefix: str, screen: Screen) -> OwnApp:
    try:
        known = with_known_app(Order(app=app), screen).app
    except LabError as error:
        raise type(error)(f"{prefix}{error}") from None
    return known or app
