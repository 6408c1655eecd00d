"""Clients that keep a server busy until they are ended: ``busy URL CLIENTS SECONDS``."""

import sys
import threading

from benchmark.planted.sending import Request, send
from benchmark.planted.stack import Subject

READY = "busy"
"""What is printed when the first upload is over."""


def main(url: str, clients: str, seconds: str) -> None:
    """Send uploads one after the other, as many at once as there are clients; the app works on each."""

    def upload() -> None:
        while True:
            send(Subject(url), Request(100, headers=(f"X-Planted-Work: {seconds}",)))
            print(READY, flush=True)

    for _ in range(int(clients)):
        threading.Thread(target=upload).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
