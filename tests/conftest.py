"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from .helpers import left_overs


@pytest.fixture
def no_left_overs() -> Iterator[None]:
    """Fails if a test leaves processes of the lab or its folders behind."""
    before = left_overs()
    yield
    assert left_overs() <= before
