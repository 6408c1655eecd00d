"""Sets of requirements: the name of each, and its folder in the images of containers."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

IN_IMAGES = Path("/opt/packages")
"""The folder of the sets in an image, one folder each."""
REASON = "upload-lab-packages"
"""Begins a line of a build that says why a set could not be made."""


def set_name(words: Sequence[str], client: str = "") -> str:
    """Return the name of a set: a digest of its requirements alone, the same on host and in container.

    The contents of a wheel or a source folder are no part of it: an image is built again where they change.
    ``client`` is that whose own packages the set stands before, if any.
    """
    return hashlib.sha256(json.dumps([client, *words]).encode()).hexdigest()[:16]


def folder_in_image(words: Sequence[str], client: str = "") -> Path:
    """Return the folder that has these requirements in an image that was made for them."""
    return IN_IMAGES / set_name(words, client)
