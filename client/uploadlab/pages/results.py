"""Parts that show a committed run, or a check, as a whole."""

from uploadlab.analysis.load import summarize_load
from uploadlab.pages.part import folder, part, plain, run, summaries, titled, where
from uploadlab.presenting import tables as tabling
from uploadlab.presenting.grid import counts, grids
from uploadlab.presenting.load import load_notes, load_tables, slow_tables
from uploadlab.units import parse_size


@part
def tables(name: str, *sizes: str) -> str:
    """Its tables of rates, of these sizes or all, the largest first."""
    wanted = [parse_size(size) for size in sizes]
    chosen = [one for one in summaries(name) if not wanted or one.size_bytes in wanted]
    if not chosen:
        raise ValueError(f"{name} has none of {', '.join(sizes)}")
    found = [titled(one) for one in reversed(tabling.tables(run(name), chosen))]
    return "\n".join([*found, host(name)])


@part
def host(name: str) -> str:
    """Its plan, and where it was measured."""
    return f"Plan `{run(name).plan}`, {where(name)}.\n"


@part
def costs(name: str) -> str:
    """What each way took, at its largest size."""
    return titled(tabling.costs(run(name), summaries(name)))


@part
def slow(name: str) -> str:
    """How long an upload takes beside slow ones."""
    of = folder(name)
    steps = summarize_load(run(name), of.read_steps(), of.read_uploads())
    return "\n".join(plain([one.title, *one.header[1:]], one.rows) for one in slow_tables(steps))


@part
def load(name: str) -> str:
    """Its tables of concurrent uploads, with what is to be known of them."""
    of = folder(name)
    steps = summarize_load(run(name), of.read_steps(), of.read_uploads())
    notes = [f"- {line}\n" for line in load_notes(steps)]
    return "\n".join([*map(titled, load_tables(steps)), "".join(notes), host(name)])


@part
def grid(name: str) -> str:
    """A check's grid, with its notes."""
    rows = folder(name).read_checks()
    found, notes = grids(run(name), rows)
    lines = [f"- {line}\n" for line in [*notes, *counts(run(name), rows)]]
    return "\n".join([*map(titled, found), "".join(lines), f"From a check, {where(name)}.\n"])
