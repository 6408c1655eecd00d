"""Knows where things lie in the checkout, and in the client's image, which has the same layout."""

import os
from itertools import takewhile
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]
"""The folder that holds this package."""
IN_CHECKOUT = (PACKAGES.parent / "compose.yaml").is_file()
ROOT = PACKAGES.parent if IN_CHECKOUT else Path.cwd()
"""The checkout; an installed package works in the one that it is started in."""
COMPOSE = ROOT / "compose.yaml"
APP = ROOT / "services" / "app"
CONFIGS = ROOT / "configs"
PLANS = CONFIGS / "plans"
EXCEPTIONS = CONFIGS / "exceptions.toml"
RATIOS = CONFIGS / "ratios.toml"
KNOBS = CONFIGS / "knobs.toml"
LINKS = CONFIGS / "links.toml"
CITATIONS = CONFIGS / "citations.toml"
REPORTS = CONFIGS / "reports"
BENCHMARK = ROOT / "benchmark"
RUNS = BENCHMARK / "runs"
KNOB_RUNS = BENCHMARK / "knobs"
"""Runs whose deployments are not in compose.yaml, apart from those that can be resumed."""
REFERENCE = BENCHMARK / "reference"
REPRODUCTIONS = BENCHMARK / "reproductions"
"""The committed runs that pages are made of."""
ORIGINAL_TABLE = REFERENCE / "original-2019.toml"
DOCS = ROOT / "docs"
RECIPES = DOCS / "recipes"
OUT = Path("/lab/out")
"""In the client's container, where a folder of the host's choice is mounted."""


def in_container() -> bool:
    """Return whether this is the client's container; compose.yaml says so."""
    return "LAB_INSIDE" in os.environ


def client_environment(name: str) -> Path:
    """Return the folder of the packages that a client's program loads, and no other program."""
    return (Path("/opt/clients") if in_container() else ROOT / ".venv" / "clients") / name


def default_data_dir() -> Path:
    """Return where uploads are stored unless the user names another folder."""
    return Path(os.environ["DATA_DIR"]) if in_container() else BENCHMARK / "data"


def missing_folders(path: Path) -> list[Path]:
    """Return the folder and those above it that do not exist, the deepest first."""
    return list(takewhile(lambda folder: not folder.exists(), (path, *path.parents)))


def shown(path: Path) -> str:
    """Return a path as the user knows it: short below the current folder, the host's in a container."""
    if not in_container():
        return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    if path.is_relative_to(OUT):
        return str(os.environ.get("LAB_OUT", "") / path.relative_to(OUT))
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def program() -> str:
    """Return how the user starts the lab."""
    return "./scripts/lab" if COMPOSE.is_file() else "upload-lab"
