"""Which uploads a server acknowledged without storing them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell
from uploadlab.model.measurements import Measurement, Status


class Loss(NamedTuple):
    """A cell in which a server answered with success, and stored other bytes."""

    deployment: str
    method: str
    size_bytes: int
    stored_bytes: int | None
    """Of the first upload that was lost; None: the server does not say."""
    http_status: int | None
    lost: int
    """How many of the cell's uploads."""
    uploads: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the file was stored."""
        return self.stored_bytes == 0


def losses(rows: Iterable[Measurement]) -> list[Loss]:
    """Return the cells that lost a file, in the order of the rows."""
    found = []
    for measured in by_cell(rows).values():
        if lost := [row for row in measured if row.status is Status.WRONG]:
            first = lost[0]
            found.append(
                Loss(
                    first.deployment, first.method, first.size_bytes, first.stored_bytes, first.http_status,
                    len(lost), len(measured),
                )
            )  # fmt: skip
    return found
