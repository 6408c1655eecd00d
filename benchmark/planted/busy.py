"""Clients that keep a server busy until they are ended: ``busy URL CLIENTS SECONDS``."""

import sys
import threading
import time

from benchmark.planted.sending import Request, send
from benchmark.planted.stack import Subject

PAUSE_SECONDS = 0.05


def main(url: str, clients: str, seconds: str) -> None:
    """Send uploads one after the other, as many at once as there are clients, each for that time."""

    def upload() -> None:
        while True:
            send(Subject(url), Request(100_000, over_seconds=float(seconds)))
            time.sleep(PAUSE_SECONDS)

    for _ in range(int(clients)):
        threading.Thread(target=upload).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
