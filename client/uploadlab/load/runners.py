"""Locust's master and worker, each careful with what the other says: the channel between them is plain.

Locust makes its runners by the names in ``locust.env``, which ``install`` replaces. A worker is careful from
its first message on: a master may send a job together with its greeting.
"""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import locust.env
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from uploadlab.errors import UsageError
from uploadlab.load.ledger import Ledger
from uploadlab.load.own_terms import OwnTerms
from uploadlab.plain_text import OF_A_SERVER, plain

logger = logging.getLogger("locust")
MOST_IDENTITY = 200
"""Letters of a worker's name."""


def install(terms: OwnTerms, ledger: Ledger) -> None:
    """Have Locust make careful runners, with these terms and this account."""

    class OwnWorker(CarefulWorker):
        """A worker of this process."""

        own_terms, account = terms, ledger

    locust.env.WorkerRunner = OwnWorker
    locust.env.MasterRunner = CarefulMaster


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


class CarefulMaster(MasterRunner):
    """A master that believes no worker to be another, and survives what it does not understand."""

    def handle_message(self, client_id: str, msg: Any) -> None:
        """Take a worker's message, if it is of that worker."""
        if msg.node_id != client_id or len(client_id) > MOST_IDENTITY:
            logger.warning(f"A message of {plain(client_id, OF_A_SERVER)} in another's name is ignored.")
            return
        try:
            super().handle_message(client_id, msg)
        except Exception:
            last = plain(traceback.format_exc(limit=1).splitlines()[-1], OF_A_SERVER)
            logger.warning(f"A message of {plain(client_id, OF_A_SERVER)} is ignored: {last}")
