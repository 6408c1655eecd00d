"""What the lab has left on servers of the user's own, as sentences."""

from uploadlab.analysis.left_behind import left_behind
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted
from uploadlab.storage.reader import StoredRun


def remains_statements(stored: StoredRun) -> list[Statement]:
    """Return a warning for each server that keeps uploads of this run."""
    statements = []
    for remains in left_behind(stored.run, stored.rows, stored.uploads, stored.checks):
        what = f"{counted(remains.uploads, 'upload')}, {remains.size_bytes / 1e9:.2g} GB"
        were = "was" if remains.uploads == 1 else "were"
        next_time = "its clean-up failed" if remains.removal_failed else "next time add --cleanup-url"
        text = f"{what}, {were} not removed from {remains.target}: delete upload-lab-*.bin there; {next_time}"
        statements.append(Statement("Left behind", text, "warn"))
    return statements
