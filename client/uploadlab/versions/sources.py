"""Where a package can come from beside an index: a wheel, a folder of its source, a file."""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from uploadlab.errors import UsageError, problem_of
from uploadlab.versions.requirements import DIRECT, canonical, package_of

PARENTS = 4
"""How deep a file of requirements may name others."""


class Source(NamedTuple):
    """A wheel or a source folder on this host."""

    path: Path
    package: str
    version: str
    """Empty where only building it would show it."""

    @property
    def requirement(self) -> str:
        """The requirement as pip has it: ``granian @ file:///tmp/granian-2.8.9-py3-none-any.whl``."""
        return f"{self.package} @ {self.path.as_uri()}"


def wheel(word: str, folder: Path) -> Source:
    """Return the wheel that a path names, which may have ``*`` in it; raise UsageError."""
    given = folder / word
    found = [given] if given.is_file() else sorted(given.parent.glob(given.name)) if "*" in word else []
    if not found:
        raise UsageError(f"{word} does not exist: name a wheel that is there, or build it with: pip wheel .")
    if len(found) > 1:
        raise UsageError(f"{word} is {len(found)} wheels: name one, {', '.join(path.name for path in found)}")
    name, *more = found[0].name.removesuffix(".whl").split("-")
    if len(more) not in (4, 5):
        raise UsageError(f"{found[0].name} is no name of a wheel: NAME-VERSION-PYTHON-ABI-PLATFORM.whl")
    return Source(found[0].resolve(), canonical(name), more[0])


def source_folder(word: str, folder: Path) -> Source:
    """Return the source folder that a path names; raise UsageError."""
    path = (folder / word).expanduser().resolve()
    if not path.is_dir():
        raise UsageError(
            f"{word} does not exist: name a wheel, a folder with a pyproject.toml, or NAME==VERSION"
        )
    for read in (_from_pyproject, _from_setup_cfg, _from_setup_py):
        with suppress(OSError, ValueError, SyntaxError, configparser.Error):
            name, version = read(path)
            if name:
                return Source(path, canonical(name), version)
    raise UsageError(f"{word} names no package: a name = ... in [project] of its pyproject.toml does")


def _from_pyproject(path: Path) -> tuple[str, str]:
    content = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))
    tools = content.get("tool", {})
    own = content.get("project") or tools.get("poetry") or {}
    return str(own.get("name", "")), str(own.get("version", ""))


def _from_setup_cfg(path: Path) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((path / "setup.cfg").read_text(encoding="utf-8"))
    return parser.get("metadata", "name", fallback=""), ""


def _from_setup_py(path: Path) -> tuple[str, str]:
    """Return the name that ``setup()`` is called with, if that is a literal; nothing of it is run."""
    for node in ast.walk(ast.parse((path / "setup.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
            given = {word.arg: word.value for word in node.keywords}
            if isinstance(name := given.get("name"), ast.Constant):
                return str(name.value), ""
    return "", ""


def requirements_of_file(word: str, folder: Path, depth: int = 0) -> list[str]:
    """Return the requirements of a file, and of files that it names, without hashes; raise UsageError."""
    path = (folder / word).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {word}: {problem_of(error)}; name a file of requirements") from None
    found: list[str] = []
    for line in _lines(text):
        option, _, rest = (
            line.replace("=", " ", 1).partition(" ") if line.startswith("--") else line.partition(" ")
        )
        if option in ("-r", "--requirement") and depth < PARENTS:
            found += requirements_of_file(rest.strip(), path.parent, depth + 1)
        elif line.startswith("-"):
            raise UsageError(
                f"{word}: {line!r} is an option of pip: set it in pip.conf or as PIP_... instead"
            )
        else:
            found.append(requirement(line, path.parent))
    return found


def _lines(text: str) -> Iterator[str]:
    """Yield the lines that say something, without hashes."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"\s--hash[= ]\S+", "", re.sub(r"(^|\s)#.*", "", line)).strip()
        if bare:
            yield bare


def requirement(word: str, folder: Path) -> str:
    """Return a requirement as pip has it, with the whole path of a wheel or a folder; raise UsageError."""
    if word.endswith(".whl") and not DIRECT.search(word):
        return wheel(word, folder).requirement
    if package_of(word):
        return word
    if "://" in word:
        raise UsageError(f"{word} has no name: write NAME @ {word}")
    if "/" in word or word.startswith("."):
        return source_folder(word, folder).requirement
    raise UsageError(f"{word!r} is no requirement: write gunicorn==26.1.0, a wheel, or a folder")
