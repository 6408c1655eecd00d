"""A deployment without each of the settings that the plainest config of its kind has otherwise."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared import variants
from uploadlab.declared.config_syntax import Setting, parse_config, replace_setting, words
from uploadlab.errors import UsageError
from uploadlab.model.deployments import DERIVED, Deployment

PLACES = {"BIND", "HOST", "PORT", "APP_PORT", "RUN_DIR", "DATA_DIR", "NGINX_DIR"}
"""Variables of a server's environment: a setting that has one says where something is, and stays."""


class Change(NamedTuple):
    """A config with one setting reset."""

    name: str
    """``without-listen``."""
    text: str


def ablated(
    base: Deployment, word: str, declared: Mapping[str, Deployment], root: Path
) -> tuple[list[Deployment], dict[str, str]]:
    """Return copies of a deployment that each reset one setting, and their configs by path.

    ``word`` is one of the base's configs, or its name. Raise UsageError.
    """
    paths = [path for path, _ in variants.config_owners({base.name: base})]
    if not paths:
        raise UsageError(f"{base.name} has no config whose settings could be reset")
    path = word if word in paths else paths[0]
    # The plainest config: the first that is declared in the same folder, and has the same role but for TLS.
    own = variants.role(path, root)._replace(tls=False)
    plain = next(
        other
        for other, _ in variants.config_owners(declared)
        if Path(other).parent == Path(path).parent and variants.role(other, root)._replace(tls=False) == own
    )
    copies, texts = [], {}
    for change in changes(path, (root / path).read_text(), (root / plain).read_text()):
        copy = variants.renamed(base, f"{base.name}-{change.name}")
        new = variants.beside(path, copy.name)
        services = [variants.with_config(service, path, new) for service in copy.services]
        copies.append(msgspec.structs.replace(copy, tier=DERIVED, services=services))
        texts[new] = change.text
    if not copies:
        raise UsageError(f"{path} sets nothing that {plain} does not set: name another config")
    return copies, texts


def changes(path: str, text: str, plain: str) -> Iterator[Change]:
    """Yield a config with each setting reset to what a plain config has."""
    ours, theirs = parse_config(path, text), parse_config(path, plain)
    mine, its = _only(ours, theirs), _only(theirs, ours)
    reset = [(old.option, old, _counterpart(old, mine, its)) for old in mine]
    options = {setting.option for setting in mine}
    added = [(new.option, None, new) for new in its if new.option not in options]
    names = Counter[str]()
    for option, old, new in [*reset, *added]:
        name = f"{'without' if old else 'with'}-{re.sub(r'[^a-z0-9]+', '-', option.lower()).strip('-')}"
        names[name] += 1
        lines = plain.splitlines()[new.first : new.last + 1] if new else []
        number = f"-{names[name]}" if names[name] > 1 else ""
        yield Change(name + number, replace_setting(path, text, old, lines))


def _only(settings: Sequence[Setting], others: Sequence[Setting]) -> list[Setting]:
    """Return the settings that the others do not have, but for places."""
    have = {(setting.option, setting.value) for setting in others}
    return [
        setting
        for setting in settings
        if (setting.option, setting.value) not in have and not PLACES & words(setting.value)
    ]


def _counterpart(old: Setting, mine: Sequence[Setting], its: Sequence[Setting]) -> Setting | None:
    """Return the plain config's setting of the same option; return None if it is absent or ambiguous."""
    rivals, found = ([setting for setting in some if setting.option == old.option] for some in (mine, its))
    return found[0] if len(rivals) == len(found) == 1 else None
