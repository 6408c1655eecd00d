"""A check of everything, in containers."""

from pathlib import Path

import pytest

from .helpers import need
from .test_check_grid import everything_holds

pytestmark = pytest.mark.containers


def test_in_containers_the_grid_is_the_same(tmp_path: Path) -> None:
    need("docker")
    everything_holds("docker", tmp_path)
