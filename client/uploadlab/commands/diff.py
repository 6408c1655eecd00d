"""The command ``diff``: what changed between two runs?"""

from pathlib import Path

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.presenting.terminal import Screen


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
@options.out_option
def command(before: str, after: str, force: bool, fail_above: float | None, out: Path) -> int:
    """Compare two stored runs.

    Compares the cells of the second RUN with the same cells of the first.
    """
    first, second = (options.stored_run(name, out) for name in (before, after))
    return session.compare_runs(first, second, force, fail_above, Screen())
