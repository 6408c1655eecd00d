"""How each command ends: a user's error is one line that says what to type next."""

import signal
import sys

import click

from uploadlab.errors import LabError, Stopped, UsageError
from uploadlab.presenting.terminal import fail

USAGE, LAB, INTERRUPTED = 2, 1, 128 + signal.SIGINT


def run(command: click.Command, program: str) -> None:
    """Run a command and exit."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)  # so that everything is cleaned up
    try:
        command.main(prog_name=program, standalone_mode=False)
        text, code = "", 0
    except click.ClickException as error:
        text, code = f"{error.format_message()} See {program} --help", USAGE
    except UsageError as error:
        text, code = str(error), USAGE
    except LabError as error:
        text, code = str(error), LAB
    except Stopped as error:
        text, code = str(error), INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        text, code = "stopped", INTERRUPTED
    if text:
        fail(text, program)
    sys.exit(code)
