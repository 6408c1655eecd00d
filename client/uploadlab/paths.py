"""Where things lie in the checkout, and in the image, which has the same layout."""

import os
from pathlib import Path

INSIDE = "LAB_INSIDE" in os.environ
"""In the client's container; compose.yaml says so."""

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
"""In that container, where a folder of the host's choice is mounted."""
OUT_SHOWN = os.environ.get("LAB_OUT", "")
"""That folder's place on the host."""
CONFIGS = ROOT / "configs"
COMPOSE = ROOT / "compose.yaml"
APP = ROOT / "services" / "app"
PLANS = CONFIGS / "plans"
EXCEPTIONS = CONFIGS / "exceptions.toml"
RATIOS = CONFIGS / "ratios.toml"
KNOBS = CONFIGS / "knobs.toml"
BENCHMARK = ROOT / "benchmark"
RUNS = BENCHMARK / "runs"
TURNED = BENCHMARK / "knobs"
"""Runs whose deployments are not in compose.yaml, apart from those that can be gone on with."""
DATA = Path(os.environ["DATA_DIR"]) if INSIDE else BENCHMARK / "data"
REFERENCE_RUN = BENCHMARK / "reference" / "quick"
"""The committed run behind the README's tables."""
REFERENCE_CHECK = BENCHMARK / "reference" / "check"
"""The committed check behind the grid of docs/checks.md."""
REFERENCE_KNOBS = BENCHMARK / "reference" / "knobs"
REFERENCE_KNOBS_CHECK = BENCHMARK / "reference" / "knobs-check"
"""The committed runs behind docs/deployments.md."""


def shown(path: Path) -> str:
    """A path as the user knows it: inside a container, another place says nothing."""
    if INSIDE and path.is_relative_to(OUT):
        return str(OUT_SHOWN / path.relative_to(OUT))
    return str(path.relative_to(ROOT) if INSIDE and path.is_relative_to(ROOT) else path)
