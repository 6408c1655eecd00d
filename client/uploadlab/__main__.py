"""``python -m uploadlab``"""

import os
import signal


def _stopped(*_: object) -> None:
    os.write(2, b"run-matrix.sh: stopped\n")
    os._exit(128 + signal.SIGINT)


def _main() -> None:
    """Whoever stops it while its modules load, which takes half a second, sees no traceback."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup
    if heard:
        signal.signal(signal.SIGINT, _stopped)
    from uploadlab.commands.main import main

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


_main()
