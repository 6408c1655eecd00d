"""From cells to uploads in order."""

import random
from collections.abc import Sequence, Set

from uploadlab.model.cells import Cell, Planned, Task
from uploadlab.model.measurements import ACCEPTED, Measurement


def schedule(planned: Sequence[Planned], seed: int, done: Set[tuple[str, int]]) -> list[Task]:
    """Return all uploads in order: a warm-up of each pair, then rounds, each shuffled by the seed.

    ``done`` holds the (cell id, round) that are measured already; the others keep their order.
    """
    last = max((item.rounds for item in planned), default=0)
    measured = [
        Task(cell, number)
        for number in range(1, last + 1)
        for cell in _shuffled([item.cell for item in planned if item.rounds >= number], f"{seed}/{number}")
        if (cell.id, number) not in done
    ]
    left = {task.cell for task in measured}
    smallest: dict[tuple[str, str], int] = {}
    for cell, _, warmup_bytes in planned:
        if cell in left:
            pair, size_bytes = (cell.deployment, cell.method), min(warmup_bytes, cell.size_bytes)
            smallest[pair] = min(smallest.get(pair, size_bytes), size_bytes)
    warmups = [Cell(*pair, size_bytes) for pair, size_bytes in smallest.items()]
    return [Task(cell, 0, warmup=True) for cell in _shuffled(warmups, f"{seed}/0")] + measured


def repeats(rows: Sequence[Measurement], seed: int) -> list[Task]:
    """Return each round that something outside of the lab disturbed, once more, shuffled by the seed.

    A cell of which an upload did not arrive has no figure that a repeat could change.
    """
    lost = {row.cell_id for row in rows if row.status not in ACCEPTED and not row.warmup}
    again = {(row.cell_id, row.round) for row in rows if row.repeat and row.status in ACCEPTED}
    tasks = {
        (row.cell_id, row.round): Task(
            Cell(row.deployment, row.method, row.size_bytes), row.round, repeat=True
        )
        for row in rows
        if row.disturbed and row.cell_id not in lost and not (row.warmup or row.repeat)
    }
    left = [tasks[key] for key in sorted(tasks.keys() - again)]
    random.Random(f"{seed}/repeats").shuffle(left)
    return left


def _shuffled(cells: list[Cell], seed: str) -> list[Cell]:
    ordered = sorted(cells, key=lambda cell: cell.id)
    random.Random(seed).shuffle(ordered)
    return ordered
