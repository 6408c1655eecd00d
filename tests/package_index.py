"""An index of packages without a network: a folder of wheels, each a package that is installed here."""

import base64
import hashlib
import importlib.metadata
import zipfile
from collections.abc import Iterable
from itertools import count
from os import getpid
from pathlib import Path

_numbers = count(1)


def fresh_version(major: int) -> str:
    """A version that no test has had, so that no folder of an earlier run is taken for it."""
    return f"{major}.{getpid()}.{next(_numbers)}"


def index(folder: Path) -> dict[str, str]:
    """The variables that have pip look for packages in this folder alone."""
    folder.mkdir(exist_ok=True)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def add_wheel(
    folder: Path, name: str, version: str, needs: Iterable[str] = (), tag: str = "py3-none-any"
) -> Path:
    """Add an installed package to an index, as another version of itself."""
    folder.mkdir(exist_ok=True)
    installed = importlib.metadata.distribution(name)
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    lines += [f"Requires-Dist: {need}\n" for need in needs]
    members = {
        f"{info}/METADATA": "".join(lines).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    for file in installed.files or []:
        if file.suffix == ".py" and ".." not in file.parts:
            members[str(file)] = Path(str(file.locate())).read_bytes()
        elif file.name == "entry_points.txt":
            members[f"{info}/{file.name}"] = Path(str(file.locate())).read_bytes()
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        record = []
        for member, content in members.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(content)}\n")
            archive.writestr(member, content)
        archive.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return path


def add_source(folder: Path, name: str, backend: str) -> Path:
    """Write a source folder whose build backend is this text; it needs no other package to build."""
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1"\n\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "backend.py").write_text(backend)
    return folder
