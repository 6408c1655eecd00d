"""The questions, in the order in which they are asked; each is a decorated function."""

from collections.abc import Callable
from typing import NamedTuple

from uploadlab.doctoring.examination import Examiner

Asks = Callable[[Examiner], None]


class Question(NamedTuple):
    """One question to a server."""

    name: str
    title: str
    """What it finds out, for readers."""
    ask: Asks
    requests: int
    """The most that it sends, about."""
    size_bytes: int
    """Of bodies, in all: at most about that."""


QUESTIONS: dict[str, Question] = {}


def question(title: str, requests: int, size_bytes: int) -> Callable[[Asks], Asks]:
    """Register ``ask_NAME`` as the question NAME, with the most that it sends."""

    def register(ask: Asks) -> Asks:
        name = ask.__name__.removeprefix("ask_").replace("_", "-")
        QUESTIONS[name] = Question(name, title, ask, requests, size_bytes)
        return ask

    return register
