"""Ends what the lab started, even if the lab itself was killed.

Runs beside the lab and listens on standard input. When that closes, for whatever reason,
it kills the process groups it was told of and removes the folders.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Lines ``group N``, ``ended N`` and ``folder PATH``, until the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whatever ends the lab, its end is what counts
    groups: set[int] = set()
    folders: list[str] = []
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(value))
        elif word == "ended":
            groups.discard(int(value))
        elif word == "folder":
            folders.append(value)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
