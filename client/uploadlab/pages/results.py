"""Parts that show a committed run, or a check, as a whole."""

from uploadlab import table
from uploadlab.check.grid import counts, grids
from uploadlab.pages.part import folder, host, part, run, summaries, titled
from uploadlab.units import parse_size


@part
def tables(name: str, *sizes: str) -> str:
    """Its tables of rates, of these sizes or all, the largest first."""
    wanted = [parse_size(size) for size in sizes]
    chosen = [one for one in summaries(name) if not wanted or one.size_bytes in wanted]
    found = [titled(one) for one in reversed(table.tables(run(name), chosen))]
    return "\n".join([*found, f"Plan `{run(name).plan}`, {host(name)}.\n"])


@part
def costs(name: str) -> str:
    """What each way took, at its largest size."""
    return titled(table.costs(run(name), summaries(name)))


@part
def grid(name: str) -> str:
    """A check's grid, with its notes."""
    rows = folder(name).read_checks()
    found, notes = grids(run(name), rows)
    lines = [f"- {line}\n" for line in [*notes, *counts(run(name), rows)]]
    return "\n".join([*map(titled, found), "".join(lines), f"From a check, {host(name)}.\n"])
