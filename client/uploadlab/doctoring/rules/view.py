"""An examination as rules look at it: who is on the way, and which requests tell what."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from http import HTTPStatus

from uploadlab.doctoring.causes import load_causes
from uploadlab.doctoring.identity import answered_by, hops
from uploadlab.model.diagnoses import Alternative, Confidence, Finding, Weight
from uploadlab.model.exchanges import Ending, Examination, Exchange
from uploadlab.units import format_size

FRONTS = ("nginx", "apache", "haproxy", "caddy", "envoy", "traefik")
SERVERS = ("uwsgi", "gunicorn", "waitress", "hypercorn", "uvicorn", "tornado", "pyvoy", "granian", "cheroot")
APPS = ("flask", "werkzeug", "django", "fastapi", "starlette", "app")
"""Names of what is the user's own code, or its framework."""
BROKEN = (Ending.CLOSED, Ending.RESET, Ending.TLS)
ENDED = {
    Ending.CLOSED: "the server closed the connection without an answer",
    Ending.RESET: "the connection was reset",
    Ending.TLS: "TLS ended with an error",
    Ending.SILENT: "no answer came",
    Ending.UNREACHED: "there was no connection",
    Ending.LEFT: "the client went away",
}
DEFAULT_TIME = re.compile(r"(?<![\d,-])(\d+) (s|min)\b")
DEFAULT_UNITS = {"s": 1, "min": 60}
LATE_SECONDS = 1.5
"""How much later than its limit an end is seen: servers look at their timers once a second or less."""
Rule = Callable[["View"], Iterator[Finding]]
RULES: list[Rule] = []


def finding_rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES.append(function)
    return function


class View:
    """What rules ask of an examination."""

    def __init__(self, seen: Examination) -> None:
        self.seen = seen

    @cached_property
    def hops(self) -> list[str]:
        """Names of what identifies itself on the way, outermost first.

        pyvoy is Envoy, and looks like it: the far end tells the two apart.
        """
        names = [hop.name for hop in hops(self.seen.exchanges)]
        return [kind for name in names for kind in (("envoy", name) if name == "pyvoy" else (name,))]

    @cached_property
    def shown_hops(self) -> list[str]:
        """What identifies itself, with versions, for readers."""
        return [str(hop) for hop in hops(self.seen.exchanges)]

    @cached_property
    def front(self) -> str:
        """The outermost hop that is no server of apps; empty: none shows itself."""
        return next((name for name in self.hops if name in FRONTS), "")

    @cached_property
    def server(self) -> str:
        """What runs the app; empty: nothing shows it. The far end knows."""
        told = [exchange.arrived.server for exchange in self.seen.exchanges if exchange.arrived]
        known = [SAME_SERVERS.get(name, name) for name in told if name]
        return known[0] if known else next((name for name in reversed(self.hops) if name in SERVERS), "")

    @cached_property
    def likely_server(self) -> str:
        """What runs the app, or else uWSGI: all others have a page or a header that passes the fronts."""
        others = [hop.name for hop in hops(self.seen.exchanges) if hop.kind == "server"]
        return self.server or (others[-1] if others else "uwsgi")

    @cached_property
    def has_far_end(self) -> bool:
        """Whether the far end has answered."""
        return any(exchange.arrived for exchange in self.seen.exchanges)

    def own(self, question: str) -> list[Exchange]:
        """Return a question's requests to the user's endpoint."""
        return [found for found in self.seen.of(question) if not self.is_far(found)]

    def far(self, question: str) -> list[Exchange]:
        """Return a question's requests to the far end."""
        return [found for found in self.seen.of(question) if self.is_far(found)]

    def is_far(self, exchange: Exchange) -> bool:
        """Return whether a request went to the far end."""
        return bool(self.seen.far_end) and exchange.path.startswith(self.seen.far_end)

    def by(self, exchange: Exchange) -> str:
        """Return which program wrote an answer; ``app`` for the user's own code, empty: not known.

        Words that no known program writes are the app's own.
        """
        found = answered_by(exchange)
        name = found.name if found else "app" if exchange.content.strip() else ""
        return "app" if name in APPS else SAME_SERVERS.get(name, name)

    def causes(self, hop: str, effect: str) -> list[str]:
        """Return a hop's causes with an effect, the most usual first."""
        return [name for name, cause in load_causes().items() if cause.hop == hop and cause.effect == effect]

    def suspects(self, effect: str, written_by: str = "") -> list[str]:
        """Return the causes with an effect at the hops of this way, the likeliest first.

        What wrote the answer is the likeliest; then come the hops from the outermost to the app.
        """
        order = dict.fromkeys([written_by, *self.hops, self.likely_server, "app"])
        return [cause for hop in order if hop for cause in self.causes(hop, effect)]


def at_default_first(view: View, suspects: Iterable[str], seconds: float) -> list[str]:
    """Return the causes, those first whose default is that time; hops that show themselves go first."""

    def place(name: str) -> int:
        cause = load_causes()[name]
        if not _is_default(cause.default, seconds):
            return 2
        return 0 if cause.hop in view.hops else 1

    return sorted(dict.fromkeys(suspects), key=place)


def _is_default(default: str, seconds: float) -> bool:
    found = DEFAULT_TIME.search(default)
    return found is not None and 0 <= seconds - float(found[1]) * DEFAULT_UNITS[found[2]] < LATE_SECONDS


SAME_SERVERS = {"mod_wsgi": "apache", "a2wsgi": "uvicorn"}
"""Servers whose settings stand at another name in causes.toml."""


def ended(exchange: Exchange) -> str:
    """Return how a request ended, in words."""
    if exchange.status is not None:
        return f"answered {exchange.status}"
    return ENDED[exchange.ending]


def fact(exchange: Exchange) -> str:
    """Return a request and its end as one line of evidence."""
    what = f"{exchange.label}: " if exchange.label else ""
    when = f" after {exchange.seconds:.1f} s" if exchange.seconds is not None else ""
    shown = words_in(exchange.content)[:120] if exchange.status != HTTPStatus.OK else ""
    words = f", {shown!r}" if shown else ""
    sent = f", {format_size(exchange.sent_bytes)} sent" if exchange.sent_bytes else ""
    return f"{what}{ended(exchange)}{when}{sent}{words}"


def words_in(content: str) -> str:
    """Return what a reader sees of an answer's body."""
    return " ".join(re.sub(r"<(style|script|title)\b.*?</\1>|<[^<>]*>", " ", content, flags=re.S).split())


def made(
    symptom: str, weight: Weight, suspects: Sequence[str], evidence: Sequence[str],
    confidence: Confidence = Confidence.LIKELY, tests: Sequence[str] = (), matches: Sequence[str] = (),
) -> Iterator[Finding]:  # fmt: skip
    """Yield a finding of the first suspect, with the others as alternatives; nothing without a suspect."""
    if not suspects:
        return
    known = load_causes()
    others = [
        Alternative(cause=name, test=tests[number] if number < len(tests) else test_of(name))
        for number, name in enumerate(suspects[1:4])
        if name in known
    ]
    yield Finding(
        symptom=symptom, weight=weight, cause=suspects[0], confidence=confidence,
        evidence=list(evidence), others=others, matches=list(matches),
    )  # fmt: skip


def test_of(cause: str) -> str:
    """Return the one test that shows whether a setting is the cause."""
    hop, _, setting = cause.partition(".")
    if hop == "app":
        return "send the same to the far end (--print-probe): if it arrives there, only the app refuses it"
    if hop == "link":
        return "run the doctor on the server's own host: if the fault is gone, the line is the cause"
    return f"change {setting} in {hop}, reload, and run the doctor again: if the finding changes, this is it"
