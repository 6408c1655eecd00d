"""The doctor's questions are asked here, within the budget, one request at a time.

``send_at_once`` is the only exception.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult

import msgspec

from uploadlab.catalogue.attempts import Attempt
from uploadlab.checking.foreign import by_rule, settled
from uploadlab.checking.wire import Reply
from uploadlab.doctoring.endpoint import Endpoint, Upload
from uploadlab.doctoring.wire import Asked, SentRequest, ask
from uploadlab.model.deployments import Target
from uploadlab.model.exchanges import Arrived, Examination, Exchange, Stop, Stored
from uploadlab.sending.answered import json_of
from uploadlab.sending.digests import digest_of
from uploadlab.sending.shelf import Shelf
from uploadlab.units import format_seconds, format_size


class Ended(Exception):
    """The examination is over before its last question."""

    def __init__(self, stop: Stop, why: str) -> None:
        super().__init__(why)
        self.stop = stop


Report = Callable[[str, str], None]
"""Called before each request with the name of its question, and with which of the question's it is."""
SAME = "same"
"""In place of a digest: the server's copy has it, too."""


class Examiner:
    """Asks a server, and keeps what came back."""

    def __init__(
        self, endpoint: Endpoint, far_end: Endpoint | None, seen: Examination, report: Report
    ) -> None:
        self.endpoint, self.far_end, self.seen = endpoint, far_end, seen
        self._report = report
        self._began = time.monotonic()
        self._question = ""

    @property
    def best(self) -> Endpoint:
        """Where questions about the way go: the far end where there is one, else the endpoint."""
        return self.far_end or self.endpoint

    @property
    def both(self) -> list[Endpoint]:
        """The endpoint, if it takes uploads at all, and the far end, if there is one."""
        return [place for place in (self.endpoint if self.is_usable else None, self.far_end) if place]

    @property
    def is_usable(self) -> bool:
        """Whether the endpoint has taken an upload."""
        return any(seen.is_success for seen in self.seen.of("first"))

    @property
    def bytes_left(self) -> int:
        """What may still be sent."""
        return self.seen.budget_bytes - sum(seen.sent_bytes + seen.head_bytes for seen in self.seen.exchanges)

    @property
    def seconds_left(self) -> float:
        """The time that is left."""
        return self.seen.budget_seconds - (time.monotonic() - self._began)

    def begin(self, question: str) -> None:
        """Note which question the next requests belong to."""
        self._question = question

    def can_afford(self, size_bytes: int = 0, seconds: float = 0.0) -> bool:
        """Return whether the budget has room for a request; note the question as cut short if not."""
        if size_bytes + (4 << 10) <= self.bytes_left and seconds < self.seconds_left:
            return True
        lacks = (
            format_size(self.bytes_left)
            if size_bytes > self.bytes_left
            else format_seconds(max(0.0, self.seconds_left))
        )
        self.skip(f"the budget has {lacks} left, and this needs {format_size(size_bytes)}, {seconds:.0f} s")
        return False

    def skip(self, why: str) -> None:
        """Note that the question in work, or a part of it, is not asked."""
        self.seen.skipped.setdefault(self._question, why)

    def send(self, upload: Upload, label: str = "", **manners: Any) -> Exchange:
        """Send an upload and find out what happened to it; raise Ended."""
        return self._judged(upload, self._ask(upload.address, upload.attempt, label, **manners))

    def send_at_once(self, uploads: Sequence[Upload], label: str) -> list[Exchange]:
        """Send uploads side by side, each over its own connection; raise Ended."""
        with ThreadPoolExecutor(len(uploads)) as crew:
            asks = [crew.submit(self._ask, item.address, item.attempt, label) for item in uploads]
            sent = [asked.result() for asked in asks]
        return [self._judged(upload, item) for upload, item in zip(uploads, sent, strict=True)]

    def _judged(self, upload: Upload, sent: SentRequest) -> Exchange:
        """Keep a request with what happened to its upload; raise Ended."""
        spec = upload.endpoint.spec
        shelf = Shelf(spec.stored_dir) if spec.stored_dir and not upload.endpoint.is_far_end else None
        found = sent.exchange
        if upload.endpoint.is_far_end:
            found = _with_arrived(found, sent.body, upload.attempt)
        else:
            reply = by_rule(
                Reply(found.status, body=sent.body, location=found.header("location") or None, digest=SAME),
                spec,
            )
            found = self._stored(found, upload, reply, shelf)
        return self._keep(found)

    def ask_raw(self, address: SplitResult, upload: Upload, label: str = "", **manners: Any) -> Exchange:
        """Send a request that is no upload, to see who answers it; raise Ended."""
        return self._keep(self._ask(address, upload.attempt, label, **manners).exchange)

    def _ask(self, address: SplitResult, attempt: Any, label: str, **manners: Any) -> SentRequest:
        """Carry out a request within the budget; ``over`` is the function that does it."""
        carry_out: Callable[[SplitResult, Asked], SentRequest] = manners.pop("over", ask)
        if self.seconds_left <= 0:
            raise Ended(Stop.BUDGET, f"the time of {format_seconds(self.seen.budget_seconds)} is over")
        planned = min(attempt.body_bytes, manners.get("stops_at") or attempt.body_bytes)
        if planned > self.bytes_left and manners.get("stops_at") != 0:
            raise Ended(
                Stop.BUDGET, f"{format_size(self.seen.budget_bytes)} were sent: --budget allows no more"
            )
        patience = min(manners.pop("patience_seconds", 30.0), max(1.0, self.seconds_left))
        self._report(self._question, label)
        return carry_out(address, Asked(self._question, attempt, label, patience_seconds=patience, **manners))

    def _keep(self, found: Exchange) -> Exchange:
        self.seen.exchanges.append(found)
        if found.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Ended(Stop.LIMITED, "the server answered 429: the doctor sends no more")
        return found

    def _stored(self, found: Exchange, upload: Upload, reply: Reply, shelf: Shelf | None) -> Exchange:
        """Add what the server has of an accepted upload, and remove it where the user has said how."""
        if not reply.accepted:
            return found
        file = upload.attempt.file
        spec, target = upload.endpoint.spec, Target("doctor", upload.endpoint.url, "own")
        trial = settled(target, spec, [upload.attempt], [reply], upload.name, shelf)
        if trial.left:
            self.seen.left.append(upload.name)
        state = trial.states[0]
        stored = Stored.UNKNOWN
        if state.size_bytes is not None:
            stored = _stored_as(state.size_bytes, file.size_bytes, bool(state.digest))
        return msgspec.structs.replace(found, is_success=True, stored=stored)


def _stored_as(stored_bytes: int, size_bytes: int, same: bool) -> Stored:
    if stored_bytes == size_bytes:
        return Stored.WHOLE if same else Stored.OTHER
    return Stored.NOTHING if stored_bytes == 0 else Stored.PART


def _with_arrived(found: Exchange, body: bytes, attempt: Attempt) -> Exchange:
    """Add what the far end reports; anything else that answers is not the far end."""
    try:
        arrived = msgspec.convert(json_of(body), Arrived)
    except msgspec.ValidationError:
        return found
    same = arrived.digest == digest_of(attempt.body(attempt.file.blocks()), "sha256")
    stored = _stored_as(arrived.size_bytes, attempt.body_bytes, same)
    return msgspec.structs.replace(
        found, arrived=arrived, stored=stored, is_success=found.status == HTTPStatus.OK and arrived.whole
    )
