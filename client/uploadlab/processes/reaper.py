"""Ends what the lab started, even if the lab itself was killed.

Runs beside the lab and listens on standard input. When the input ends, for any reason, the reaper
kills the process groups that the lab has named, removes the folders, those around them that the lab has
made if nothing else is in them, and runs the last commands.
A command that fails is printed, for the user to repeat.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

TRIES = 50
PAUSE_SECONDS = 0.1


def main() -> None:
    """Read ``group N``, ``ended N``, ``made PATH``, ``folder PATH``, ``last [...]`` to the end, then act."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the lab's end counts, not its cause
    kept: dict[str, list[str]] = {"group": [], "made": [], "folder": [], "last": []}
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "ended":
            kept["group"] = [group for group in kept["group"] if group != value]
        else:
            kept[word].append(value)
    for group in kept["group"]:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(group), signal.SIGKILL)
    for folder in kept["folder"]:
        _remove(folder)
    for folder in reversed(kept["made"]):
        with suppress(OSError):  # it holds something of others, or is gone
            os.rmdir(folder)  # noqa: PTH106  only os is loaded here
    for command in map(json.loads, kept["last"]):
        if subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode:
            print("something is left running; to end it:", shlex.join(command), file=sys.stderr)


def _remove(folder: str) -> None:
    """Remove a folder, again where a process outside of all groups, as a browser's, still writes there."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: PTH110  only os is loaded here
            return
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
