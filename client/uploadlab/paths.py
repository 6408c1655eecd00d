"""Where things lie in the checkout, and in the image, which has the same layout."""

import os
from pathlib import Path

INSIDE = "LAB_INSIDE" in os.environ
"""In the client's container; compose.yaml says so."""


ROOT = Path(__file__).resolve().parents[2]


OUT = Path("/lab/out")
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


REFERENCE = BENCHMARK / "reference"
"""The committed runs that pages are made of."""


ORIGINAL_TABLE = REFERENCE / "original-2019.toml"


DOCS = ROOT / "docs"


RECIPES = DOCS / "recipes"


def shown(path: Path) -> str:
    """A path as the user knows it: inside a container, another place says nothing."""
    if INSIDE and path.is_relative_to(OUT):
        return str(OUT_SHOWN / path.relative_to(OUT))
    return str(path.relative_to(ROOT) if INSIDE and path.is_relative_to(ROOT) else path)
