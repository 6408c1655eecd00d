"""Where things lie in the checkout, and in the image, which has the same layout."""

import os
from pathlib import Path

INSIDE = "LAB_INSIDE" in os.environ
"""In the client's container; compose.yaml says so."""

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
APP = ROOT / "services" / "app"
PLANS = ROOT / "configs" / "plans"
BENCHMARK = ROOT / "benchmark"
RUNS = BENCHMARK / "runs"
DATA = Path(os.environ["DATA_DIR"]) if INSIDE else BENCHMARK / "data"
REFERENCE_RUN = BENCHMARK / "reference" / "quick"
"""The committed run behind the README's tables."""


def shown(path: Path) -> str:
    """A path as the user knows it: inside a container, the checkout's place says nothing."""
    return str(path.relative_to(ROOT) if INSIDE and path.is_relative_to(ROOT) else path)
