"""A deployment without each of the settings that the plainest config of its kind has otherwise."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared import variants as derive
from uploadlab.declared.config_syntax import INI, PYTHON, Setting, settings
from uploadlab.declared.variants import Slot
from uploadlab.errors import UsageError
from uploadlab.model.deployments import DERIVED, Deployment


class Change(NamedTuple):
    """A config with one setting taken back."""

    name: str
    """``without-listen``."""
    text: str


def ablated(
    base: Deployment, word: str, declared: Mapping[str, Deployment], root: Path
) -> tuple[list[Deployment], dict[str, str]]:
    """The deployments, and their configs by path; raises UsageError.

    ``word`` is one of the base's configs, or its name.
    """
    slots = list(derive.slots({base.name: base}))
    mine = next((slot for slot in slots if slot.path == word), None) or next(iter(slots), None)
    if mine is None:
        raise UsageError(f"{base.name} has no config whose lines could be taken back")
    plain = _plainest(mine, declared, root)
    others, texts = [], {}
    for change in changes(mine.path, (root / mine.path).read_text(), (root / plain).read_text()):
        one = derive.renamed(base, f"{base.name}-{change.name}")
        path = str(Path(mine.path).with_name(f"{one.name}{mine.suffix}"))
        services = [derive.with_config(service, mine.path, path) for service in one.services]
        others.append(msgspec.structs.replace(one, tier=DERIVED, services=services))
        texts[path] = change.text
    if not others:
        raise UsageError(f"{mine.path} sets what {plain} does: name another config")
    return others, texts


def changes(path: str, text: str, plain: str) -> Iterator[Change]:
    """Each setting of a config taken back to what a plain one has; not where it listens."""
    here, there = settings(path, text), settings(path, plain)
    mine, its = _only(here, there), _only(there, here)
    taken = [(one.option, one, _counterpart(one, mine, its)) for one in mine]
    options = {one.option for one in mine}
    added = [(one.option, None, one) for one in its if one.option not in options]
    names: dict[str, int] = {}
    for option, old, new in [*taken, *added]:
        name = f"{'without' if old else 'with'}-{re.sub(r'[^a-z0-9]+', '-', option.lower()).strip('-')}"
        names[name] = names.get(name, 0) + 1
        number = f"-{names[name]}" if names[name] > 1 else ""
        yield Change(name + number, _changed(path, text, old, _source(plain, new)))


def _plainest(mine: Slot, declared: Mapping[str, Deployment], root: Path) -> str:
    """The first declared config of the same folder that listens likewise."""
    front = derive.is_front(mine.path, root)
    folder = Path(mine.path).parent
    alike = (slot.path for slot in derive.slots(declared) if Path(slot.path).parent == folder)
    return next(path for path in alike if derive.is_front(path, root) == front)


def _only(some: Sequence[Setting], others: Sequence[Setting]) -> list[Setting]:
    have = {(one.option, one.value) for one in others}
    return [one for one in some if (one.option, one.value) not in have and not one.binds]


def _counterpart(one: Setting, mine: Sequence[Setting], its: Sequence[Setting]) -> Setting | None:
    """What the plain config has in its place; None if that is nothing, or cannot be told."""
    rivals, found = ([other for other in some if other.option == one.option] for some in (mine, its))
    return found[0] if len(rivals) == len(found) == 1 else None


def _source(text: str, one: Setting | None) -> list[str]:
    return text.splitlines()[one.first : one.last + 1] if one else []


def _changed(path: str, text: str, old: Setting | None, new: Sequence[str]) -> str:
    """The text with these lines in place of a setting's, or added."""
    lines = text.splitlines()
    if old:
        lines[old.first : old.last + 1] = new
    elif path.endswith((INI, PYTHON)):
        lines += new
    else:
        locations = [number for number, line in enumerate(lines) if line.lstrip().startswith("location")]
        if not locations:
            raise UsageError(f"{path} has no location before which a line could be added")
        lines[locations[0] : locations[0]] = new
    return "\n".join(lines) + "\n"
