"""What is missing where a cell could not be measured: a deployment, a client, or one way of it. Pure."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.catalogue.clients import sender_of
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Status


def missing_parts(summaries: Sequence[Summary]) -> dict[Cell, str]:
    """Return the name of what is missing for each unavailable cell.

    A client is missing if nothing of it was measured anywhere; else the deployment, if nothing was measured
    there; else the client's way.
    """
    measured = [cell for cell in summaries if cell.status is not Status.UNAVAILABLE]
    clients = {sender_of(cell.method)[0] for cell in measured}
    deployments = {cell.deployment for cell in measured}
    missing = {}
    for cell in summaries:
        if cell.status is Status.UNAVAILABLE:
            client, _ = sender_of(cell.method)
            at_fault = cell.method if cell.deployment in deployments else cell.deployment
            missing[cell.cell] = cell.deployment if not client else at_fault if client in clients else client
    return missing
