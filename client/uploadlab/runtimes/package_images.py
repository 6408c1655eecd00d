"""Images with packages in other versions: the lab's own image of a run, and a folder of packages in it.

The folder is made while the image is built, by the code that makes one on a host (``versions/folders.py``).
The engine keeps the layer: where nothing has changed, the next run takes it as it is.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import yaml

from uploadlab.errors import LabError, UsageError, problem_of
from uploadlab.model.deployments import Deployment
from uploadlab.model.runs import Run
from uploadlab.paths import PACKAGES, ROOT
from uploadlab.planning.draft import Draft, other_clients
from uploadlab.versions.locks import OWN_CLIENT, client_locks, server_locks
from uploadlab.versions.making import WantedFolder
from uploadlab.versions.of_clients import words_of_client
from uploadlab.versions.of_deployments import require_others
from uploadlab.versions.sets import REASON, set_name

SERVER, CLIENT = "server", "client"
"""Whose packages they are: also the targets of the Dockerfile."""
IN_CLIENTS = Path("/opt/clients")
"""The folders of other clients' packages in the client's image: see ``client_environment``."""
OURS = "upload-lab-"
"""Begins the name of each image that the lab builds."""
DOCKERFILE, MAKE_FOLDERS = ROOT / "services" / "packages.Dockerfile", ROOT / "services" / "make-folders"
BUILDS = "packages.yaml"
"""What Compose builds these images by, beside their build contexts."""
CODE = ("*.py", "processes/*.py", "versions/*.py")
"""What of the lab's code makes a folder of packages; it needs no other package."""
IN_BUILD = Path("/context")
"""The build context, as a build sees it."""
ON_HOST = re.compile(r"file://(/[^\s;#]+)")
"""A wheel or a source folder in a requirement: ``granian @ file:///tmp/granian.whl``."""
COPIED = re.compile(rf"(file://)?{IN_BUILD}/sources/[0-9a-f]+/\d+/")
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"
)


class PackageImage(NamedTuple):
    """An image to build, and the sets of packages in it."""

    name: str
    """As compose.yaml has it, with the variable of its tag."""
    base: str
    target: str
    sets: dict[str, WantedFolder]
    """What is in it, by the names of the sets."""

    @property
    def service(self) -> str:
        """How Compose names its build."""
        return self.name.partition(":")[0].removeprefix(OURS)


def image_with(image: str, words: Sequence[str]) -> str:
    """Return the name of an image with these packages; of an image that is not the lab's, its own."""
    if not words or not image.startswith(OURS):
        return image
    name, _, tag = image.partition(":")
    return f"{name}-{set_name(words)}:{tag}"


def package_images(
    deployments: Iterable[Deployment], planned: Draft | Run, declared: Mapping[str, Any], sender: str
) -> list[PackageImage]:
    """Return the images that a run needs beside the lab's own; ``sender`` is the client's service."""
    found: dict[str, PackageImage] = {}
    for deployment in deployments:
        for base in images_of(deployment, declared).values():
            if (name := image_with(base, deployment.packages)) != base:
                want = WantedFolder(tuple(deployment.packages), tuple(server_locks()))
                found[name] = PackageImage(name, base, SERVER, {set_name(want.words): want})
    if sets := _sets_of_clients(planned):
        base = declared[sender]["image"]
        name = base.replace(":", "-packages:", 1)
        found[name] = PackageImage(name, base, CLIENT, sets)
    return list(found.values())


def _sets_of_clients(planned: Draft | Run) -> dict[str, WantedFolder]:
    """Return what the clients of a run load, the lab's own and others, by the names of the sets."""
    found = {}
    for words in [target.client_packages for target in planned.targets if target.client_packages]:
        for client in (OWN_CLIENT, *other_clients(planned)):
            if mine := words_of_client(words, client):
                want = WantedFolder(
                    tuple(mine), tuple(client_locks(client)), IN_CLIENTS / client if client else None
                )
                found[set_name(mine, client)] = want
    return found


def images_of(deployment: Deployment, declared: Mapping[str, Any]) -> dict[str, str]:
    """Return the images of a deployment's services, by the names of those that compose.yaml has."""
    base = deployment.based_on or deployment.name
    return {name: declared[name]["image"] for name in [base, *declared[base]["x-lab"].get("parts", [])]}


def without(images: Iterable[PackageImage], failed: Iterable[str]) -> list[PackageImage]:
    """Return the images that remain where these sets cannot be made."""
    left = [
        image._replace(sets={name: words for name, words in image.sets.items() if name not in failed})
        for image in images
    ]
    return [image for image in left if image.sets]


def reasons(said: str) -> dict[str, str]:
    """Return why sets could not be made, by their names, from what a build printed."""
    found = dict(re.findall(rf"^.*?{REASON} ([0-9a-f]+): (.+)$", said, re.MULTILINE))
    return {name: _on_host(why) for name, why in found.items()}


def _on_host(why: str) -> str:
    """Return a reason without the build's paths; where it is the Python, say that it is the images' own."""
    text = COPIED.sub("", why)
    return f"{text}; in containers it is the Python of PYTHON_IMAGE" if "Python" in text else text


def unavailable(
    deployments: Iterable[Deployment], planned: Draft | Run, failed: Mapping[str, str]
) -> dict[str, str]:
    """Return why deployments cannot have their packages, by name; raise UsageError if nothing else is left.

    ``failed`` has why sets cannot be made, by their names.
    """
    changed = [made for made in deployments if made.packages]
    found = {made.name: why for made in changed if (why := failed.get(set_name(made.packages)))}
    error = UsageError(next(iter(failed.values()), ""))
    if failed.keys() & _sets_of_clients(planned).keys():
        raise error
    each_counts = bool(planned.order and planned.order.releases)
    if found and not (each_counts and len(found) < len(changed)):
        require_others(planned.comparison, found, error)
    return found


def write_builds(images: Sequence[PackageImage], build: Mapping[str, Any], folder: Path) -> Path:
    """Write a build context for each image, and return the file that has Compose build them.

    ``build`` is how compose.yaml has an image of the lab built: its network and its secrets hold here, too.
    """
    services = {}
    for image in images:
        context = folder / image.service
        _write_context(image, context)
        own = {"context": str(context), "target": image.target}
        args = {"BASE": image.base, "NAME": next(iter(image.sets))}
        services[image.service] = {
            "image": image.name,
            "build": {**{name: build[name] for name in ("network", "secrets")}, **own, "args": args},
        }
    path = folder / BUILDS
    path.write_text(yaml.safe_dump({"services": services}, sort_keys=False))
    return path


def _write_context(image: PackageImage, context: Path) -> None:
    """Write what a build reads; raise LabError if a wheel or a source folder cannot be read."""
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    shutil.copy(DOCKERFILE, context / "Dockerfile")
    shutil.copy(MAKE_FOLDERS, context)
    code = PACKAGES / "uploadlab"
    for path in [path for pattern in CODE for path in code.glob(pattern)]:
        _copy(path, context / "code" / path.relative_to(PACKAGES))
    sets = {}
    for name, want in image.sets.items():
        for lock in want.locks:
            _copy(lock, context / lock.relative_to(ROOT))
        sets[name] = {
            "words": list(_in_build(want.words, context, name)),
            "locks": [str(lock.relative_to(ROOT)) for lock in want.locks],
            "environment": str(want.environment or ""),
        }
    (context / "sets.json").write_text(json.dumps(sets))


def _copy(path: Path, copied: Path) -> None:
    """Copy a file, or a source folder without what is no source."""
    copied.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, copied, symlinks=True, ignore=NOT_SOURCE)
    else:
        shutil.copyfile(path, copied)


def _in_build(words: Sequence[str], context: Path, name: str) -> Iterator[str]:
    """Yield the requirements as the build takes them; copy the wheels and source folders of this host."""
    for number, word in enumerate(words):
        found = ON_HOST.search(word)
        if found:
            path = Path(unquote(found[1]))
            copied = Path("sources") / name / str(number) / path.name
            try:
                _copy(path, context / copied)
            except (OSError, shutil.Error) as error:
                raise LabError(f"{path}: cannot be copied for an image: {problem_of(error)}") from None
            word = word[: found.start()] + (IN_BUILD / copied).as_uri() + word[found.end() :]
        yield word
