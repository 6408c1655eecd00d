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

from uploadlab.model.deployments import Deployment
from uploadlab.paths import PACKAGES, ROOT
from uploadlab.versions.locks import client_locks, server_locks
from uploadlab.versions.sets import REASON, set_name

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
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"
)


class PackageImage(NamedTuple):
    """An image to build, and the sets of packages in it."""

    name: str
    """As compose.yaml has it, with the variable of its tag."""
    base: str
    target: str
    """Of the Dockerfile: ``server`` or ``client``."""
    sets: dict[str, list[str]]
    """Requirements by the names of their sets."""

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
    deployments: Sequence[Deployment], declared: Mapping[str, Any], sender: str
) -> list[PackageImage]:
    """Return the images that these deployments need beside the lab's own.

    ``sender`` is the client's service.
    """
    found = {}
    for deployment in deployments:
        for base in images_of(deployment, declared).values():
            if (name := image_with(base, deployment.packages)) != base:
                sets = {set_name(deployment.packages): deployment.packages}
                found[name] = PackageImage(name, base, "server", sets)
    base = declared[sender]["image"]
    sets = {
        set_name(made.client_packages): made.client_packages for made in deployments if made.client_packages
    }
    if sets:
        name = base.replace(":", "-packages:", 1)
        found[name] = PackageImage(name, base, "client", sets)
    return list(found.values())


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
    return dict(re.findall(rf"^.*?{REASON} ([0-9a-f]+): (.+)$", said, re.MULTILINE))


def unavailable(deployments: Iterable[Deployment], failed: Mapping[str, str]) -> dict[str, str]:
    """Return why deployments cannot be measured whose packages could not be made, by their names."""
    return {
        made.name: failed[set_name(words)]
        for made in deployments
        for words in (made.packages, made.client_packages)
        if set_name(words) in failed
    }


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
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    shutil.copy(DOCKERFILE, context / "Dockerfile")
    shutil.copy(MAKE_FOLDERS, context)
    code = PACKAGES / "uploadlab"
    locks = server_locks() if image.target == "server" else client_locks()
    for path in [*(path for pattern in CODE for path in code.glob(pattern)), *locks]:
        copied = context / (
            "code" / path.relative_to(PACKAGES) if path.is_relative_to(code) else path.relative_to(ROOT)
        )
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    names = [str(lock.relative_to(ROOT)) for lock in locks]
    sets = {
        name: {"words": list(_in_build(words, context, name)), "locks": names}
        for name, words in image.sets.items()
    }
    (context / "sets.json").write_text(json.dumps(sets))


def _in_build(words: Sequence[str], context: Path, name: str) -> Iterator[str]:
    """Yield the requirements as the build takes them; copy the wheels and source folders of this host."""
    for number, word in enumerate(words):
        found = ON_HOST.search(word)
        if found:
            path = Path(unquote(found[1]))
            copied = Path("sources") / name / str(number) / path.name
            (context / copied).parent.mkdir(parents=True)
            if path.is_dir():
                shutil.copytree(path, context / copied, symlinks=True, ignore=NOT_SOURCE)
            else:
                shutil.copyfile(path, context / copied)
            word = word[: found.start()] + (IN_BUILD / copied).as_uri() + word[found.end() :]
        yield word
