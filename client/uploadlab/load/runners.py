"""Locust's master and worker, each careful with what the other says: the channel between them is plain.

Locust makes its runners by the names in ``locust.env``, which ``install`` replaces. A worker is careful from
its first message on: a master may send a job together with its greeting.
"""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import locust.env
import locust.rpc.zmqrpc
import zmq
from locust.env import Environment
from locust.exception import RPCError, RPCReceiveError
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.errors import UsageError
from uploadlab.load.ledger import Ledger
from uploadlab.load.own_terms import OwnTerms, user_counts
from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.units import MOST_BYTES

logger = logging.getLogger("locust")
MOST_IDENTITY = 200
"""Letters of a worker's name."""
MOST_MESSAGE_BYTES = 64 << 20
"""Of a worker's message. A longer message ends its connection, before it is in memory."""


def install(terms: OwnTerms, ledger: Ledger) -> None:
    """Have Locust make careful runners, with these terms and this account."""

    class OwnWorker(CarefulWorker):
        """A worker of this process."""

        own_terms, account = terms, ledger

    locust.env.WorkerRunner = OwnWorker
    locust.env.MasterRunner = CarefulMaster
    locust.rpc.zmqrpc.Server = CarefulServer


class CarefulWorker(WorkerRunner):
    """A worker that takes its file and its targets from its own command line alone."""

    own_terms: OwnTerms
    account: Ledger

    def __init__(self, environment: Environment, master_host: str, master_port: int) -> None:
        self.own_terms.take(environment.parsed_options)
        super().__init__(environment, master_host, master_port)

    def handle_message(self, msg: Any) -> None:
        """Do as the master says, but for what it does not decide."""
        if msg.type == "update_user_class":
            logger.warning("The master wants to change a kind of user, which is ignored.")
            return
        if msg.type == "spawn":
            job = msg.data if isinstance(msg.data, dict) else {}
            try:
                msg.data = self.own_terms.agreed(job)
            except (UsageError, TypeError, ValueError) as error:
                self._refuse(job, plain(str(error)))
                return
            for option in self.own_terms.ignored(job):
                logger.warning(f"The master's {option} is ignored: give {option} to this worker itself.")
        super().handle_message(msg)

    def _refuse(self, job: Mapping[str, Any], why: str) -> None:
        """Report why this job is not begun."""
        options = job.get("parsed_options")
        step = options.get("step", "") if isinstance(options, dict) else ""
        logger.error(why)
        if not self.user_count:
            self.account.begin(plain(str(step), OF_A_SERVER))
        self.account.refusal = why


class CarefulServer(locust.rpc.zmqrpc.Server):
    """A master's end of the channel: no bytes that a worker sends end the master's listening."""

    def __init__(self, host: str, port: int) -> None:
        BaseSocket.__init__(self, zmq.ROUTER, self.ipv4_only(host, port))
        self.socket.setsockopt(zmq.MAXMSGSIZE, MOST_MESSAGE_BYTES)  # heeded only if set before it is bound
        try:
            self.port = port
            if port:
                self.socket.bind(f"tcp://{host}:{port}")
            else:
                self.port = self.socket.bind_to_random_port(f"tcp://{host}")
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from None

    def recv_from_client(self) -> tuple[str, Any]:
        """Return a worker's name and message; raise RPCError, which names nobody, for what is none."""
        try:
            name, message = super().recv_from_client()
        except Exception as error:  # msgpack's many, a missing part, a part too much
            if isinstance(error, RPCError) and not isinstance(error, RPCReceiveError):
                raise
            raise RPCReceiveError("it is no message of Locust's") from None
        return name, message


class CarefulMaster(MasterRunner):
    """A master that believes no worker to be another, and survives what it does not understand."""

    def handle_message(self, client_id: str, msg: Any) -> None:
        """Take a worker's message, if it is of that worker."""
        if msg.node_id != client_id or len(client_id) > MOST_IDENTITY:
            logger.warning(f"A message of {plain(client_id, OF_A_SERVER)} in another's name is ignored.")
            return
        try:
            _require_figures(msg.data)
            super().handle_message(client_id, msg)
        except Exception:
            last = plain(traceback.format_exc(limit=1).splitlines()[-1], OF_A_SERVER)
            logger.warning(f"A message of {plain(client_id, OF_A_SERVER)} is ignored: {last}")


def _require_figures(data: Any) -> None:
    """Raise UsageError, TypeError unless the figures that the master keeps of a worker are some."""
    if not isinstance(data, dict):
        return
    if "user_classes_count" in data:
        user_counts(data["user_classes_count"])
    for name in ("user_count", "current_cpu_usage", "current_memory_usage"):
        if not 0 <= data.get(name, 0) <= MOST_BYTES:
            raise UsageError(f"{name} is no number")
