"""What ``--help`` prints, as a committed text: it answers at once, and before anything is installed.

    python -m uploadlab.commands.help_text [--check]

writes help.txt beside this module, or with ``--check`` fails if it is not what the commands print.
``scripts/lab`` reads the file, too. Reading needs only Python; writing needs what is installed.
"""

import runpy
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from uploadlab import __version__
from uploadlab.paths import ROOT

FILE = Path(__file__).with_name("help.txt")
HEADING = "## "
ASKS = {"-h", "--help"}
PROGRAM, UPLOADER = "lab", "uploader.py"
"""Of the whole program, and of client/uploader.py, beside the names of the commands."""
RENEW = "PYTHONPATH=client python -m uploadlab.commands.help_text"


def answered_at_once(words: Sequence[str], program: str = PROGRAM) -> str:
    """Return what these words behind the program print without any command's code; empty for all others.

    An installed package has another name for the program.
    """
    first, text = words[0] if words else "", ""
    if first in ASKS:
        text = committed_help(PROGRAM)
    elif first == "--version":
        return f"{__version__}\n"
    elif ASKS.intersection(takewhile(lambda word: word != "--", words)):
        text = committed_help("run" if first.startswith("-") else first)
    return text.replace(f"Usage: {PROGRAM} ", f"Usage: {program} ", 1)


def committed_help(name: str) -> str:
    """Return the help of a command; empty if there is no such command."""
    lines = FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    heading = f"{HEADING}{name}\n"
    if heading not in lines:
        return ""
    below = lines[lines.index(heading) + 1 :]
    return "".join(takewhile(lambda line: not line.startswith(HEADING), below))


def help_as_printed() -> str:
    """Return the content of the file, as click prints the help of each command at 80 columns."""
    note = f"# What --help prints. Made by: {RENEW}\n"
    return note + "".join(f"{HEADING}{name}\n{text}\n" for name, text in _helps())


def _helps() -> Iterator[tuple[str, str]]:
    import click

    from uploadlab.commands.main import COMMANDS, lab

    whole = lab.make_context(PROGRAM, [], resilient_parsing=True)
    yield PROGRAM, lab.get_help(whole)
    for name in COMMANDS:
        if command := lab.get_command(whole, name):
            yield name, command.get_help(click.Context(command, whole, info_name=name))
    uploader = runpy.run_path(str(ROOT / "client" / UPLOADER))["command"]
    yield UPLOADER, uploader.get_help(uploader.make_context(UPLOADER, ["-"], resilient_parsing=True))


def main() -> None:
    """Write the file, or check it."""
    text = help_as_printed()
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text:
        sys.exit(f"{FILE.relative_to(ROOT)} is not what the commands print: {RENEW}")


if __name__ == "__main__":
    main()
