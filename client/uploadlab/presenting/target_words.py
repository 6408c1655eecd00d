"""What a server of the user's own needs, as the options that say so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uploadlab.model.own_apps import OwnApp
from uploadlab.model.targets import DEFAULT_MOST_BYTES, TargetSpec
from uploadlab.private_urls import HIDDEN
from uploadlab.units import format_exactly

OPTIONS = {"headers": "--header", "cookies": "--cookie", "expect_json": "--expect-json"}
"""Options that are named otherwise than their field."""


def spec_words(spec: TargetSpec) -> list[str]:
    """Return the words of the command line that give this spec; values that are secret are left out."""
    words: list[str] = []
    for field in spec.__struct_fields__:
        value = getattr(spec, field)
        is_default = field == "max_bytes" and spec.is_foreign and value == DEFAULT_MOST_BYTES
        if value and not is_default and field != "only_plain":  # which follows from the others
            option = OPTIONS.get(field, f"--{field.replace('_', '-')}")
            words += [word for text in _texts(field, value) for word in (option, *([text] if text else []))]
    return words


def own_app_words(app: OwnApp) -> list[str]:
    """Return the words that give an app of the user's own, wherever they are typed."""
    words = ["--app", f"{Path(app.folder, *app.module.split('.'))}.py:{app.attribute}"]
    words += ["--route", app.route] if app.route != "/" else []
    words += ["--requirements", app.requirements] if app.requirements else []
    words += [word for name in app.environment for word in ("--env", name)]
    return words + (["--guard"] if app.guard else [])


def base_app_words(app: OwnApp) -> list[str]:
    """Return the words that give the app as it was before a change."""
    packages = app.requirements or ",".join(app.packages)
    return ["--base-app", app.folder, *(["--base", packages] if packages else [])]


def _texts(field: str, value: Any) -> list[str]:
    """Return the values of an option, one for each time that it is given; of a flag an empty one."""
    if field == "expect_status":
        return [",".join(map(str, value))]
    if field == "max_bytes":
        return [format_exactly(value)]
    if field == "headers":
        return [f"{name}: {HIDDEN}" for name in value]
    if isinstance(value, Mapping):
        return [f"{name}={text}" for name, text in value.items()]
    if isinstance(value, list):
        return [f"{name}={HIDDEN}" for name in value]
    return [""] if value is True else [str(value)]
