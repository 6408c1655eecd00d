"""Becomes a command, after the reaper knows its process group.

usage: announced.py FD COMMAND [WORD ...]

The lab may be killed at any moment after it has made a process. So the process announces itself, before the
command starts that could outlive the lab. FD leads to the reaper, and closes with the start of the command.
Until then the reaper's input does not end, so no announcement comes too late.
"""

import os
import signal
import sys
from contextlib import suppress

UNSTARTED = 126
"""The status of a shell that may not start a command."""
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> None:
    """Announce this process, then become the command."""
    fd, *command = sys.argv[1:]
    with suppress(BrokenPipeError):  # somebody killed the reaper
        os.write(int(fd), f"group {os.getpid()}\n".encode())
    os.set_inheritable(int(fd), False)
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  the lab's own commands, without a shell
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(UNSTARTED)


if __name__ == "__main__":
    main()
