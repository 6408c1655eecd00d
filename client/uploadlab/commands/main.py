"""The command line: which command is meant, and how each of them ends."""

import importlib
import shlex
import signal
import sys
from collections.abc import Sequence

import click

from uploadlab import __version__
from uploadlab.commands.lab_command import LabCommand
from uploadlab.errors import FAILED, INTERRUPTED, MISUSED, LabError, Stopped, UsageError
from uploadlab.paths import IN_CHECKOUT, program
from uploadlab.presenting.streams import CLOSED_BY_READER, fail, output_fault, secure_streams
from uploadlab.private_urls import masked_line
from uploadlab.selection import check

COMMANDS = [
    "run",
    "check",
    "doctor",
    "compare",
    "ablate",
    "diff",
    "ci",
    "resume",
    "report",
    "show",
    "serve",
    "knobs",
    "list",
]
"""In the order of the help; each is a module of this package. Without a command, ``run`` is meant."""
HIDDEN = ["carry-out"]
OLD_FLAGS = {
    "--check": ("check", 0),
    "--compare": ("compare", 0),
    "--ablate": ("ablate", 1),
    "--compare-runs": ("diff", 2),
    "--show": ("show", 2),
    "--report": ("report", 1),
    "--resume": ("resume", 1),
}
"""Options that became commands, with how many values each took."""
EXAMPLES = """\b
Examples:
  lab                          measure plan quick, about three minutes
  lab --plan smoke             the same in a minute, with small files
  lab check                    does every byte arrive?
  lab compare configs/uwsgi/uwsgi-default.ini configs/uwsgi/uwsgi-tuned.ini
  lab resume                   go on with the last run
  lab COMMAND --help           the options of a command
"""


class Commands(LabCommand, click.Group):
    """The commands, each imported when it is needed: ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names for the help."""
        return COMMANDS

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by its name."""
        if name not in COMMANDS + HIDDEN:
            return None
        module = importlib.import_module(f"uploadlab.commands.{name.replace('-', '_')}")
        return module.command  # type: ignore[no-any-return]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` before options without a command; refuse a flag that became a command."""
        first = args[0] if args else ""
        if first in ("-h", "--help", "--version"):
            return super().parse_args(ctx, args)
        if first not in COMMANDS[1:] and (line := new_line(args[first == "run" :])):
            raise UsageError(f"{line[0]} is a command now: write {program()} {shlex.join(line[1:])}")
        if first and not first.startswith("-"):
            if first not in HIDDEN:
                check("command", first, COMMANDS)
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, ["run", *args])


def new_line(args: Sequence[str]) -> list[str]:
    """Return an old flag and the words that replace the whole line; empty without an old flag."""
    words = [part for word in args for part in (word.split("=", 1) if word.startswith("--") else [word])]
    flag = next((name for name in OLD_FLAGS if name in words), None)
    if flag is None:
        return []
    command, count = OLD_FLAGS[flag]
    at = words.index(flag)
    values, before, after = words[at + 1 : at + 1 + count], words[:at], words[at + 1 + count :]
    return [flag, command, *values, *before, *after]


HELP = {"help_option_names": ["-h", "--help"], "terminal_width": 80}
"""At any width of the terminal: the text is committed, help_text.py."""


@click.group(cls=Commands, epilog=EXAMPLES, context_settings=HELP)
@click.version_option(__version__, message="%(version)s")
def lab() -> None:
    """Benchmark and verify large uploads to Flask behind different servers."""


def main() -> None:
    """Run the command that the user typed, and exit."""
    run(lab, "lab" if IN_CHECKOUT else "upload-lab")


def run(command: click.Command, name: str) -> None:
    """Run a command and exit: an error of the user's is one line that says what to type next."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)  # so that everything is cleaned up
    secure_streams()
    text, code = _ended(command, name)
    if fault := output_fault():
        text, code = text or _lost(fault), code or FAILED
    if text:
        fail(masked_line(text), name)
    sys.exit(code)


def _ended(command: click.Command, name: str) -> tuple[str, int]:
    """Run a command; return the line that it ends with, if any, and its exit code."""
    try:
        return "", command.main(prog_name=name, standalone_mode=False) or 0
    except click.ClickException as error:
        return _misuse(error, name), MISUSED
    except (LabError, Stopped) as error:
        return str(error), error.exit_code
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed: pip install 'upload-lab[lab]'", FAILED
    except (KeyboardInterrupt, click.Abort):
        return "stopped", INTERRUPTED
    except OSError:
        if fault := output_fault():
            return _lost(fault), FAILED
        raise


def _lost(fault: OSError) -> str:
    """Return why results were not printed; empty where their reader closed the pipe, as ``head`` does."""
    if fault.errno == CLOSED_BY_READER:
        return ""
    return f"the results were not printed: {fault.strerror}; have standard output written elsewhere"


def _misuse(error: click.ClickException, name: str) -> str:
    """Return what is wrong with the command line; of an option elsewhere, the commands that have it."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption) and context and context.parent:
        commands = {other: lab.get_command(context, other) for other in COMMANDS}
        having = [
            other
            for other, found in commands.items()
            if found and any(error.option_name in parameter.opts for parameter in found.params)
        ]
        if having:
            return f"{context.info_name} has no {error.option_name}: it belongs to {', '.join(having)}"
    message = error.format_message().rstrip()
    ended = message if message.endswith((".", "?")) else f"{message}."
    return f"{ended} See {context.command_path if context else name} --help"
