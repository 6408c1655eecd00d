"""Lines for what a run sends over links."""

from uploadlab.errors import LabError
from uploadlab.measuring.protocols import Workbench
from uploadlab.model.deployments import Target
from uploadlab.model.links import Link
from uploadlab.runtimes.addresses import address_of
from uploadlab.runtimes.link.lines import Line


def open_line(bench: Workbench, target: Target, link: Link, part: str) -> Line:
    """Open a line to a target; raise LabError.

    In the same part of a run, all targets have their cuts and stalls at the same bytes.
    """
    if bench.links is None:
        raise LabError(f"nothing opens lines to {target.name}: start a new run without --link")
    host, port = address_of(target.url)
    return bench.links.open(link, host, port, f"{bench.run.seed}/{link.name}/{part}")


def close_line(bench: Workbench, line: Line) -> None:
    """Close a line of this run."""
    if bench.links:
        bench.links.close(line)
