"""Ends what the lab started, even if the lab itself was killed.

Runs beside the lab and listens on standard input. When that closes, for whatever reason,
it kills the process groups it was told of, removes the folders and runs the last commands.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress


def main() -> None:
    """Lines ``group N``, ``ended N``, ``folder PATH`` and ``last [WORD, ...]``, until the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whatever ends the lab, its end is what counts
    groups: set[int] = set()
    folders: list[str] = []
    commands: list[list[str]] = []
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(value))
        elif word == "ended":
            groups.discard(int(value))
        elif word == "folder":
            folders.append(value)
        elif word == "last":
            commands.append(json.loads(value))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    clear_up(folders, commands)


def clear_up(folders: list[str], commands: list[list[str]]) -> None:
    """Remove the folders and run the commands; says which of them has to be repeated by hand."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for command in commands:
        if subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode:
            print("something is left running; to end it:", shlex.join(command), file=sys.stderr)


if __name__ == "__main__":
    main()
