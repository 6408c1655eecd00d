"""Keeps what only a target may know: logins, queries, and the values of headers, cookies and fields.

They are neither stored nor printed. The command that is given them keeps them in a variable of its
environment. The processes that send inherit this variable; no server does.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus, urlsplit, urlunsplit

VARIABLE = "LAB_PRIVATE_URLS"
OWN_APP = "own-app:"
"""In place of a URL, for an app whose servers are not started yet."""
HIDDEN = "..."
LEAST_SECRET = 4
"""Characters of what is looked for in texts: shorter words stand in any text."""
LEAST_VALUE = 8
"""The same for a value of a query, most of which are no secrets."""


class ServerProcesses(NamedTuple):
    """Where the processes of a server are that the lab has started, but that does not say what it uses."""

    sessions: list[int]
    """Ids of the sessions of its parts."""
    run_dir: str
    """A part that has a session of its own keeps its process id in a ``*.pid`` there."""


class Private(NamedTuple):
    """The private parts of a URL; empty where it has none."""

    login: str = ""
    """The value of the header Authorization."""
    query: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012  never changed
    """More headers, the cookies among them."""
    fields: list[tuple[str, str]] = []  # noqa: RUF012  never changed
    """Form fields beside the file."""
    urls: dict[str, str] = {}  # noqa: RUF012  never changed
    """Whole templates of URLs, by what may be shown of them."""
    ca_file: str = ""
    insecure: bool = False
    front: str = ""
    """What stands before the app there, and answers where the app does not; empty: not known."""
    started: tuple[list[int], str] | None = None
    """``ServerProcesses``; None: the server says itself what it uses, or nobody knows."""

    @property
    def in_url(self) -> bool:
        """Whether the URL itself has private parts."""
        return bool(self.login or self.query)

    @property
    def request_headers(self) -> dict[str, str]:
        """The headers that each request has."""
        return {**({"Authorization": self.login} if self.login else {}), **self.headers}

    @property
    def verify(self) -> bool | str:
        """How the server's certificate is checked, as requests takes it."""
        return False if self.insecure else self.ca_file or True


def split_private(url: str) -> tuple[str, Private]:
    """Return a URL as anyone may see it, and its private parts; raise ValueError if it is none."""
    parts = urlsplit(url)
    userinfo, _, place = parts.netloc.rpartition("@")
    login = ""
    if userinfo:
        user, _, password = userinfo.partition(":")
        words = f"{unquote(user)}:{unquote(password)}".encode(errors="surrogateescape")
        login = f"Basic {base64.b64encode(words).decode()}"
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", "")), Private(login, parts.query)


def kept_apart(url: str) -> str:
    """Return a URL as anyone may see it, and keep its private parts for this command; raise ValueError."""
    public, private = split_private(url)
    if private.in_url:
        os.environ[VARIABLE] = json.dumps({**_kept(), public: private})
    return public


def keep(url: str, private: Private) -> None:
    """Keep what is said to a target beside the private parts of its URL, for this command."""
    kept = _kept()
    known = kept.get(url, Private())
    os.environ[VARIABLE] = json.dumps({**kept, url: private._replace(login=known.login, query=known.query)})


def for_own_app(private: Private, started: ServerProcesses) -> Private:
    """Return what is known of a server that runs the user's app, with what is said to the app itself."""
    said = private_parts(OWN_APP)
    return said._replace(ca_file=private.ca_file, front=private.front, started=started)


def kept_apart_or_masked(word: str) -> str:
    """Return ``kept_apart`` of a URL; of a word that is none, what may be shown of the word."""
    try:
        return kept_apart(word)
    except ValueError:
        return masked_word(word)


def private_parts(url: str) -> Private:
    """Return the private parts that were kept for this address, or for an address above it."""
    kept, address = _kept(), url.partition("?")[0]
    above = (public for public in kept if _is_above(public, address))
    return kept.get(max(above, key=len, default=""), Private())


def _is_above(public: str, address: str) -> bool:
    """Return whether an address is a target's, or below it; where the target's has the file's name, too."""
    front, has_name, _ = public.partition("{name}")
    return address.startswith(front) if has_name else address == public or address.startswith(f"{public}/")


def origin(address: str) -> tuple[str, str]:
    """Return scheme, host and port of an address."""
    parts = urlsplit(address)
    default = ":443" if parts.scheme == "https" else ":80"
    return parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower().removesuffix(default)


def with_query(address: str, query: str) -> str:
    """Return an address with a query in addition to the one that it may have."""
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


def masked_template(template: str) -> str:
    """Return a template of a URL without the values that stand in its query: they may be tokens."""
    address, has_query, query = template.partition("?")
    parts = [part.partition("=") for part in query.split("&")]
    shown = [f"{name}{has}{value if '{' in value else HIDDEN if value else ''}" for name, has, value in parts]
    return address + (f"?{'&'.join(shown)}" if has_query else "")


def masked(text: str) -> str:
    """Return a text without logins of URLs, and without private parts that were kept."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        if len(secret) >= LEAST_SECRET:
            text = text.replace(secret, HIDDEN)
    return re.sub(r"(?<=://)[^/\s]*@", f"{HIDDEN}@", text)


def masked_line(text: str) -> str:
    """Return an error's line, which may repeat any word of the command line, without what may be a login.

    A query is left out, too. A word that is no URL may still hold one: ``USER:PASSWORD@HOST``, and
    ``http:/USER:PASSWORD@HOST``, which is how a path has it.
    """
    text = re.sub(r"[^\s'\"=/:]+:[^\s'\"/]\S*@", f"{HIDDEN}@", masked(text))
    text = re.sub(r"(:/{1,2})\S*@", rf"\1{HIDDEN}@", text)
    return re.sub(r"(:/{1,2}[^\s?'\"]*)\?[^\s'\";]*", rf"\1?{HIDDEN}", text)


def masked_word(word: str) -> str:
    """Return what may be shown of a word that should be NAME=URL, or a URL, whatever is wrong with it."""
    front, has_login, rest = word.rpartition("@")
    begin = re.match(r"([^=@]*=)?(\w+://)?", front)
    address, has_query, _ = rest.partition("?")
    login = f"{begin[0] if begin else ''}{HIDDEN}@" if has_login else ""
    return login + address + (f"?{HIDDEN}" if has_query else "")


def _secrets() -> Iterator[str]:
    """Yield what a server may repeat of the private parts that were kept: whole or in part, quoted or not."""
    for private in _kept().values():
        headers = private.headers.values()
        yield private.query
        for login in (private.login, *(value for value in headers if value.startswith("Basic "))):
            yield from _words_of_login(login)
        queries = [private.query, *(url.partition("?")[2] for url in private.urls.values())]
        values = [part.rpartition("=")[2] for query in queries for part in query.split("&")]
        values += [value for _, value in private.fields]
        values += [word for value in headers for word in (value, *re.split(r"[\s;,=]+", value))]
        for value in [*values, *map(unquote_plus, values)]:
            if len(value) >= LEAST_VALUE:
                yield value


def _words_of_login(login: str) -> Iterator[str]:
    """Yield a login as a header has it, and the password in it."""
    encoded = login.removeprefix("Basic ")
    try:
        words = base64.b64decode(encoded).decode(errors="replace")
    except ValueError:
        words = ""
    user, _, password = words.partition(":")
    yield from (login, encoded, password or user, quote(password or user, safe=""))


def _kept() -> dict[str, Private]:
    kept = json.loads(os.environ.get(VARIABLE) or "{}")
    return {public: Private(*private) for public, private in kept.items()}
