"""From cells to uploads in order."""

import random
from collections.abc import Sequence, Set

from uploadlab.model.cells import Cell, Planned, Task


def schedule(planned: Sequence[Planned], seed: int, done: Set[tuple[str, int]]) -> list[Task]:
    """All uploads in order: a warm-up of each pair, then rounds, each shuffled by the seed.

    ``done`` holds the (cell id, round) that are measured already; what is left keeps its order.
    """
    last = max((one.rounds for one in planned), default=0)
    measured = [
        Task(cell, number)
        for number in range(1, last + 1)
        for cell in _shuffled([one.cell for one in planned if one.rounds >= number], f"{seed}/{number}")
        if (cell.id, number) not in done
    ]
    left = {task.cell for task in measured}
    warmups = _warmups([one for one in planned if one.cell in left])
    return [Task(cell, 0, warmup=True) for cell in _shuffled(warmups, f"{seed}/0")] + measured


def _warmups(planned: Sequence[Planned]) -> list[Cell]:
    """One for each pair of deployment and method, the smallest that any of its cells allows."""
    smallest: dict[tuple[str, str], int] = {}
    for cell, _, warmup_bytes in planned:
        pair = (cell.deployment, cell.method)
        size_bytes = min(warmup_bytes, cell.size_bytes)
        smallest[pair] = min(smallest.get(pair, size_bytes), size_bytes)
    return [Cell(*pair, size_bytes) for pair, size_bytes in smallest.items()]


def _shuffled(cells: list[Cell], seed: str) -> list[Cell]:
    ordered = sorted(cells, key=lambda cell: cell.id)
    random.Random(seed).shuffle(ordered)
    return ordered
