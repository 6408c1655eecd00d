"""The command ``diff``: what changed between two runs?"""

from pathlib import Path

import click

from uploadlab import session
from uploadlab.analysis.comparability import changed_settings, unlike_runs
from uploadlab.analysis.comparison import between_runs
from uploadlab.commands import options
from uploadlab.errors import FAILED, LabError
from uploadlab.presenting.composition import compose_diff
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.run_folder import RunFolder


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Example:
  lab diff 20260131-120000-quick last --fail-above 10%
""",
)
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@click.option("--force", is_flag=True, help="Compare even if hosts or runtimes differ.")
@options.fail_above_option
@options.tables_option
@options.out_option
def command(before: str, after: str, force: bool, fail_above: float | None, tables: bool, out: Path) -> int:
    """Compare two stored runs.

    Compares each cell of the second RUN with the same cell of the first.
    """
    first, second = (options.stored_run(name, out) for name in (before, after))
    return _compare(first, second, force, fail_above, Screen(tables))


def _compare(
    before: RunFolder, after: RunFolder, forced: bool, fail_above: float | None, screen: Screen
) -> int:
    """Compare a run with an earlier one and return the exit code; raise LabError."""
    runs = before.read_run(), after.read_run()
    if unlike := unlike_runs(*runs):
        if not forced:
            raise LabError(f"{unlike}: their figures are not comparable; --force compares them anyway")
        screen.note(f"Forced: {unlike}, so a difference may have other causes.")
    compared = between_runs(runs[0], before.read_measurements(), runs[1], after.read_measurements())
    if not compared.lines:
        raise LabError(f"{runs[0].id} and {runs[1].id} have no cell in common: name other runs")
    notices = [*before.damage.values(), *after.damage.values()]
    document = compose_diff(compared, changed_settings(*runs), notices)
    if screen.tables:
        screen.details(document)
    screen.answer(document)
    return FAILED if session.fails([compared], fail_above, screen) else 0
