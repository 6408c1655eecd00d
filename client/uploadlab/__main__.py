"""``python -m uploadlab`` and the script ``upload-lab``."""

import gc
import os
import signal
import sys
from contextlib import suppress

from uploadlab.commands.help_text import answered_at_once
from uploadlab.paths import IN_CHECKOUT


def _stopped(*_: object) -> None:
    os.write(2, b"lab: stopped\n")
    os._exit(128 + signal.SIGINT)


def main() -> None:
    """Run the command line; a Ctrl-C while modules load, which takes half a second, shows no traceback."""
    if text := answered_at_once(sys.argv[1:], "lab" if IN_CHECKOUT else "upload-lab"):
        with suppress(OSError):  # printed again below, where it is known what to say of a full disk
            os.write(1, text.encode())
            return
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup
    if is_heard:
        signal.signal(signal.SIGINT, _stopped)
    gc.set_threshold(100_000)  # or to look for garbage would take a fifth of the time to load all modules
    from uploadlab.commands.main import main as run

    gc.freeze()
    if is_heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
