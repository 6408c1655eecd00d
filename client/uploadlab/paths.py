"""Where things lie in the checkout, and in the image, which has the same layout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
APP = ROOT / "services" / "app"
PLANS = ROOT / "configs" / "plans"
BENCHMARK = ROOT / "benchmark"
RUNS = BENCHMARK / "runs"
DATA = BENCHMARK / "data"
REFERENCE_RUN = BENCHMARK / "reference" / "quick"
"""The committed run behind the README's tables."""
