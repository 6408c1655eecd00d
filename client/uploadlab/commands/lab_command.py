"""What every command is made of: its help, and as whom it runs; it loads little, so lists appear at once."""

from typing import Any

import click

from uploadlab.paths import RUNS, in_container
from uploadlab.runtimes.in_container import become_owner


class LabCommand(click.Command):
    """A command whose help shows examples before its options."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, purpose, examples, options."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_epilog(ctx, formatter)
        self.format_options(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options; of those for servers of the user's own, only how to list them."""
        super().format_options(ctx, formatter)
        if any(isinstance(parameter, TargetOption) for parameter in self.params):
            with formatter.section("For your own server"):
                formatter.write_text("--target-help shows more: headers, certificates, success, read-back.")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; in the client's container as the owner of the run's folder."""
        if in_container() and not isinstance(self, click.Group):
            become_owner(ctx.params.get("out", RUNS))
        return super().invoke(ctx)


class TargetOption(click.Option):
    """An option for servers of the user's own, which the usual help leaves out."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings | {"hidden": True})

    def help_row(self, ctx: click.Context) -> tuple[str, str]:
        """Return the option and its text, as the help of other options has them."""
        self.hidden = False
        row = self.get_help_record(ctx)
        self.hidden = True
        return row or ("", "")
