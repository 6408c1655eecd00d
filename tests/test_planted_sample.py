"""The doctor and eight real stacks, end to end: it names the planted cause first, also by the far end."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from uploadlab.pages.planted import PlantedAnswer

from benchmark.planted.asking import ask
from benchmark.planted.catalogue import chosen
from benchmark.planted.stack import Stack

from .helpers import need

pytestmark = pytest.mark.slow

SAMPLE = chosen([], [], held_out=False, sample=True)
RUNGS = "4"
"""Seconds: the planted limits are of 2 and 3."""
AT_ONCE = 4
TRIES = 3
"""A host that is busy for seconds has faults of its own."""
Answers = dict[tuple[str, bool], Future[PlantedAnswer]]


def asked(stack: Stack, far_end: bool, folder: Path) -> PlantedAnswer:
    for _ in range(TRIES):
        if (answer := ask(stack, far_end, folder, rungs=RUNGS)).is_right:
            break
    return answer


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Several at once, since the doctor mostly waits."""
    need("nginx", "uwsgi")
    folder = tmp_path_factory.mktemp("planted")
    folder.chmod(0o755)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (stack.name, far_end): pool.submit(asked, stack, far_end, folder)
            for stack in SAMPLE
            for far_end in (False, True)
        }


@pytest.mark.parametrize("far_end", [False, True], ids=["alone", "far end"])
@pytest.mark.parametrize("stack", SAMPLE, ids=lambda stack: stack.name)
def test_the_planted_cause_comes_first(stack: Stack, far_end: bool, answers: Answers) -> None:
    answer = answers[stack.name, far_end].result()
    assert answer.is_right, (answer.error, answer.causes)
