"""What a run says of the user's own app beside the figures: whose it was, and what is wrong everywhere."""

from collections.abc import Sequence
from http import HTTPStatus

from uploadlab.analysis.cells import reference_names
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import few, grouped

MOST_ROUTES = 6


def own_app_facts(run: Run) -> list[str]:
    """Return whose app it was; nothing for the lab's."""
    app = run.order.app if run.order else None
    if app is None:
        return []
    kind = f"{app.interface.upper()} " if app.interface else ""
    guard = ", with --guard" if app.guard else ""
    return [f"your {kind}app {app.place} of {app.folder}, {app.route}{guard}"]


def left_out_statements(run: Run) -> list[Statement]:
    """Return which deployments cannot run the app, by their reasons."""
    reasons = grouped((target.unsuited, target.name) for target in run.targets if target.unsuited)
    return [Statement("Left out", f"{few(names)}: {why}", rank=4) for why, names in reasons.items()]


def own_app_statements(run: Run, rows: Sequence[Measurement]) -> list[Statement]:
    """Return what is wrong behind every server, and so is no server's fault."""
    app, references = run.order.app if run.order else None, reference_names(run)
    mine = [row for row in rows if row.deployment not in references and row.status is not Status.UNAVAILABLE]
    if app is None or not mine:
        return []
    if all(row.http_status == HTTPStatus.NOT_FOUND for row in mine):
        others = [route for route in app.routes if route != app.route]
        known = f"; its routes: {few(others, MOST_ROUTES)}" if others else ""
        text = f"the app answered 404 at {app.route} behind every server{known}: correct --route"
        return [Statement("Route", text, "bad", rank=0)]
    accepted = [row for row in mine if row.status in (Status.OK, Status.UNVERIFIED, Status.WRONG)]
    folder = run.order.spec.stored_dir if run.order and run.order.spec else ""
    if folder and accepted and all(row.status is Status.WRONG and not row.stored_bytes for row in accepted):
        text = f"no upload left a new file in {folder}: if the app stores elsewhere, correct --stored-dir"
        return [Statement("Folder", text, "bad", rank=0)]
    return []
