"""An upload by numbered parts over several connections, which the server joins at the end."""

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

import requests

from uploadlab.sending.answered import json_of
from uploadlab.sending.connections import is_success, location_of
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.persistence import Persistent, Route
from uploadlab.sending.several_requests import FileInPieces, LastAnswer, abandon, checked_id
from uploadlab.sending.source import AnnouncedFile


def send_by_parts(pieces: FileInPieces) -> LastAnswer:
    """Begin an upload, send its parts, and have them joined; raise what breaks the last try."""
    size_bytes, part_bytes = pieces.payload.size_bytes, pieces.goes_on.piece_bytes
    pieces = pieces._replace(route=_without_stalls(pieces.route))
    with Persistent(pieces.route) as target:
        begun = target.insist("POST", f"{pieces.address}?size={size_bytes}&part={part_bytes}")
        if not is_success(begun.status_code):
            return LastAnswer(begun, None)
        place = f"{pieces.address}/{checked_id(json_of(begun.content).get('id'), pieces.method.route)}"
        sending = _Parts(pieces, place, -(-size_bytes // part_bytes))
        try:
            sending.send_all()
            if sending.refused is None:
                joined = target.insist("POST", place)
                return LastAnswer(joined, location_of(joined))
        except BaseException:
            abandon(target, place)
            raise
        abandon(target, place)
        return LastAnswer(sending.refused, None)


class _Parts:
    """The parts of a file, which several connections take one after the other."""

    def __init__(self, pieces: FileInPieces, place: str, count: int) -> None:
        self._pieces, self._place, self._count = pieces, place, count
        self._numbers: SimpleQueue[int] = SimpleQueue()
        for number in range(count):
            self._numbers.put(number)
        self.refused: requests.Response | None = None
        self._error: BaseException | None = None

    def send_all(self) -> None:
        """Send all parts, or end at the first that is refused; raise what broke a connection for good."""
        count = min(self._pieces.goes_on.connections, self._count)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error

    def _work(self) -> None:
        try:
            with self._pieces.opened() as (file, target), suppress(Empty):
                while self.refused is None and self._error is None:
                    self._send(file, target, self._numbers.get_nowait())
        except BaseException as error:
            self._error = error

    def _send(self, file: AnnouncedFile, target: Persistent, number: int) -> None:
        """Send a part until the server has it."""
        start = number * self._pieces.goes_on.piece_bytes
        while (
            answer := target.ask("PUT", f"{self._place}/{number}", **self._pieces.piece(file, start))
        ) is None:
            held = target.insist("GET", self._place)
            if not is_success(held.status_code):
                answer = held
                break
            if number not in _missing(held):
                break
        if answer is not None and not is_success(answer.status_code):
            self.refused = answer
        target.progressed()


def _without_stalls(route: Route) -> Route:
    """Return the route whose watch hears of no block's beginning: those of several connections overlap."""
    return route._replace(watch=lambda what: None if what == "sending" else route.watch(what))


def _missing(held: requests.Response) -> list[object]:
    """Return the numbers that the server lacks; raise AnswerFault if it does not say so."""
    numbers = json_of(held.content).get("missing")
    if not isinstance(numbers, list):
        raise AnswerFault("the server does not say which parts it lacks")
    return numbers
