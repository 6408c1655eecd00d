"""The other end of Locust's channel, in the hands of somebody else: a rogue master, and a rogue worker."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
import zmq

from .helpers import LOCUST, environment

ANSWER_SECONDS = 120.0


class RogueMaster:
    """A master that says what a test wants to the one worker that has joined."""

    def __init__(self, channel: zmq.Socket[bytes], worker: subprocess.Popen[str]) -> None:
        self.channel, self.worker = channel, worker
        self.name = b""

    def heard(self, kind: str) -> Any:
        """The content of the worker's next message of a kind."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            if self.channel.poll(1000):
                self.name, message = self.channel.recv_multipart()
                said, data, _ = msgpack.loads(message, strict_map_key=False)
                if said == kind:
                    return data
        raise AssertionError(f"the worker never said {kind}")

    def say(self, kind: str, data: Any = None) -> None:
        name = self.name.decode()
        self.channel.send_multipart([self.name, msgpack.dumps((kind, data, name))])

    def spawn(self, host: Any, users: Any = None, **options: Any) -> None:
        """Order the worker to begin."""
        given = {"methods": "request.stream", "size": "1KiB", "step": "s", **options}
        self.say(
            "spawn",
            {
                "timestamp": time.time(), "host": host, "stop_timeout": 0.0, "parsed_options": given,
                "user_classes_count": {"FullSpeed": 1, "Paced": 0} if users is None else users,
            },
        )  # fmt: skip

    def refusal(self) -> str:
        """Why the worker does not begin, as it reports."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            if why := self.heard("stats")["uploads"]["refusal"]:
                return str(why)
        raise AssertionError("the worker refuses nothing")


@contextmanager
def rogue_master(folder: Path, *words: str, **variables: str) -> Iterator[RogueMaster]:
    """With a worker that was started with these words and variables."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as channel:
        channel.linger = 0
        port = channel.bind_to_random_port("tcp://127.0.0.1")
        worker = subprocess.Popen(
            [*LOCUST, "--worker", "--master-host", "127.0.0.1", "--master-port", str(port), *words],
            env=environment(TMPDIR=str(folder), **variables),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            yield RogueMaster(channel, worker)
        finally:
            worker.kill()
            worker.communicate()


class RogueWorker:
    """A worker that says what a test wants to a master."""

    def __init__(self, channel: zmq.Socket[bytes], name: str) -> None:
        self.channel, self.name = channel, name

    def say(self, kind: str, data: Any = None, name: str | None = None) -> None:
        self.channel.send(msgpack.dumps((kind, data, self.name if name is None else name)))

    def heard(self, kind: str) -> Any:
        """The content of the master's next message of a kind."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            if self.channel.poll(1000):
                said, data, _ = msgpack.loads(self.channel.recv(), strict_map_key=False)
                if said == kind:
                    return data
        raise AssertionError(f"the master never said {kind}")


@contextmanager
def rogue_worker(port: int) -> Iterator[RogueWorker]:
    """Joined to the master at that port, once it listens."""
    name = f"rogue_{os.getpid()}"
    with zmq.Context() as context, context.socket(zmq.DEALER) as channel:
        channel.linger = 0
        channel.identity = name.encode()
        channel.connect(f"tcp://127.0.0.1:{port}")
        worker = RogueWorker(channel, name)
        worker.say("client_ready", -1)
        worker.heard("ack")
        with suppress(zmq.ZMQError):
            yield worker
