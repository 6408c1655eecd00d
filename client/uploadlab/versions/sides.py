"""A side of a comparison, or what ``--with`` says: packages that servers or the client load."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from uploadlab.errors import UsageError
from uploadlab.model.deployments import Deployment
from uploadlab.selection import did_you_mean
from uploadlab.versions.locks import clients_with, is_of_servers, known_packages, server_locks
from uploadlab.versions.requirements import DIRECT, canonical, named, separated
from uploadlab.versions.sources import requirement, requirements_of_file

MOST_LETTERS = 40
"""Of what a deployment's name has of a side: a socket's path, which has the name in it, is short."""
OPERATOR = re.compile(r"\s*(===?|~=|!=|[<>]=?)\s*")


class Side(NamedTuple):
    """Requirements, each for servers or for the client that uploads to them."""

    server: list[str]
    """As pip has them; paths are whole."""
    client: list[str]
    label: str
    """``werkzeug 3.0.1``"""
    left_out: tuple[str, ...] = ()
    """Names in a file of requirements that no server and no client of the lab has."""

    @property
    def slug(self) -> str:
        """The label as a part of a deployment's name: ``werkzeug-3-0-1``."""
        text = re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")
        if len(text) <= MOST_LETTERS:
            return text
        digest = hashlib.sha256("\n".join([*self.server, *self.client]).encode()).hexdigest()[:6]
        return f"{text[: MOST_LETTERS - 7].rstrip('-')}-{digest}"

    @property
    def requirements(self) -> list[str]:
        """All, the servers' first."""
        return [*self.server, *self.client]


def is_side(word: str) -> bool:
    """Return whether a word can only be a side: it pins a version, or names a wheel, a folder, a file."""
    pieces = separated(word)
    return any(OPERATOR.search(piece) or DIRECT.search(piece) or _is_place(piece) for piece in pieces)


def parse_side(text: str, folder: Path | None = None) -> Side:
    """Return the side that a text like ``gunicorn==26.1.0,werkzeug==3.0.1`` names; raise UsageError.

    A piece is a requirement, a wheel, a source folder, or a file of requirements, as seen from ``folder``,
    by default the current one.
    """
    folder = folder or Path.cwd()
    words = separated(text)
    if not words:
        raise UsageError(f"{text!r} names no package: write gunicorn==26.1.0")
    found: list[str] = []
    left_out: tuple[str, ...] = ()
    labels: list[str] = []
    for word in words:
        if word.endswith(".txt"):
            inside = requirements_of_file(word, folder)
            known = [line for line in inside if _is_known(named(line))]
            if not known:
                raise UsageError(f"{word} has no package that a server or a client of the lab loads")
            left_out += tuple(canonical(named(line)) for line in inside if line not in known)
            found += known
            labels.append(Path(word).stem)
        else:
            made = requirement(word, folder)
            _require_known(named(made), word)
            found.append(made)
            labels.append(requirement_label(made))
    _require_once(found)
    server = [word for word in found if is_of_servers(named(word))]
    return Side(server, [word for word in found if word not in server], ", ".join(labels), left_out)


def parse_sides(texts: Iterable[str], folder: Path | None = None) -> Side:
    """Return several texts as one side; raise UsageError."""
    sides = [parse_side(text, folder) for text in texts]
    server = [word for side in sides for word in side.server]
    client = [word for side in sides for word in side.client]
    _require_once([*server, *client])
    left_out = tuple(name for side in sides for name in side.left_out)
    return Side(server, client, ", ".join(side.label for side in sides), left_out)


def whole_words(texts: Iterable[str]) -> list[str]:
    """Return texts with the whole paths of what they name, as a stored run needs them; raise UsageError."""
    return [word for text in texts for word in parse_side(text).requirements]


def with_side(deployment: Deployment, side: Side) -> Deployment:
    """Return a copy of a deployment whose servers and client load these packages; the name stays."""
    return msgspec.structs.replace(
        deployment,
        packages=[*deployment.packages, *side.server],
        client_packages=[*deployment.client_packages, *side.client],
    )


def _is_place(word: str) -> bool:
    """Return whether a word names a wheel, a file of requirements, or a folder, but no config."""
    if word.endswith((".whl", ".txt")):
        return True
    path = Path(word)
    return path.is_dir() if path.suffix else word.startswith(("./", "../", "/", "~/")) or word in (".", "..")


def _is_known(name: str) -> bool:
    return is_of_servers(name) or bool(clients_with(name))


def _require_known(name: str, word: str) -> None:
    if not _is_known(name):
        if not server_locks():  # in a client's container that the user has started
            raise UsageError(f"{word}: no lock files of servers are here: start the run by ./scripts/lab")
        known = known_packages()
        raise UsageError(
            f"{word}: no server and no client of the lab loads {name}; "
            f"{did_you_mean(canonical(name), known)}see the lock files in services/ and client/"
        )


def _require_once(words: Sequence[str]) -> None:
    """Raise UsageError if a package is there twice; with markers it may be, of which one applies."""
    names = [canonical(named(word)) for word in words if ";" not in word]
    if twice := next((name for name in names if names.count(name) > 1), None):
        both = ", ".join(word for word in words if canonical(named(word)) == twice)
        raise UsageError(f"{twice} is named twice ({both}): name it once")


def requirement_label(word: str) -> str:
    """Return a requirement for people: ``gunicorn 26.1.0``, ``granian 2.8.9 wheel``, ``gunicorn source``."""
    bare = word.partition(";")[0].strip()
    name = canonical(named(word))
    if DIRECT.search(bare):
        last = unquote(bare.rstrip("/").rpartition("/")[2])
        if last.endswith(".whl") and "-" in last:
            return f"{name} {last.split('-')[1]} wheel"
        return f"{name} {'source' if canonical(last) == name else last}"
    version = re.sub(r"^\[[^]]*\]", "", bare[len(named(word)) :].strip()).strip(" ()")
    return f"{name} {OPERATOR.sub(_operator, version)}".strip()


def _operator(found: re.Match[str]) -> str:
    """Return an operator as a label has it: nothing where it pins one version."""
    return "" if found[1].startswith("==") else found[1]
