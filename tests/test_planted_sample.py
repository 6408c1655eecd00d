"""The doctor and eight real stacks, end to end: minutes, so only with LAB_PLANTED=1 in the environment."""

import os
from pathlib import Path

import pytest

from benchmark.planted.asking import ask
from benchmark.planted.catalogue import chosen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "LAB_PLANTED" not in os.environ, reason="LAB_PLANTED=1 asks the doctor about eight stacks"
    ),
]


@pytest.mark.parametrize("far_end", [False, True], ids=["alone", "far end"])
@pytest.mark.parametrize("stack", chosen([], [], held_out=False, sample=True), ids=lambda stack: stack.name)
def test_the_planted_cause_comes_first(stack, far_end: bool, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    answer = ask(stack, far_end, tmp_path)
    assert answer.is_right, (answer.error, answer.causes)
