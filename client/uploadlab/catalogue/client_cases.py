"""The cases of the check of clients, rows of its grid, each a decorated function as in ``cases``."""

from collections.abc import Iterator

from uploadlab.catalogue.client_registry import (
    BIG_BYTES,
    CLIENT_CASES,
    FORMS,
    RAW,
    ClientAttempt,
    ClientCaseKind,
    HangUp,
    Hold,
    Pause,
    Resize,
    Respond,
    Take,
    client_case,
)

__all__ = ["CLIENT_CASES"]
SERVER, FILE = ClientCaseKind
SOME = 65_536
"""Bytes that the server has read when it misbehaves."""
MOVED = ("Location: /moved",)
LOGIN = ('WWW-Authenticate: Digest realm="lab", nonce="7d3e", qop="auth", algorithm=MD5',)
TOO_LARGE = Respond(413, "the file is larger than this server takes")
FIRST_OF_KIND = ("stream", "form")
"""The kinds that slow cases try: a body of unknown length is slow in the same way."""


@client_case("takes-all", SERVER)
def takes_all() -> Iterator[ClientAttempt]:
    """The server takes the whole body and answers 201."""
    yield ClientAttempt(must_arrive=True)
    yield ClientAttempt(label="over TLS", tls=True, must_arrive=True)


@client_case("closes-midway", SERVER)
def closes_midway() -> Iterator[ClientAttempt]:
    """The server closes the first connection in the middle of the body, or before its answer."""
    yield ClientAttempt(((Take(0), HangUp()),), "after the head")
    yield ClientAttempt(((Take(SOME), HangUp()),), "after 64 KiB")
    yield ClientAttempt(((Take(), HangUp()),), "before its answer")


@client_case("resets-midway", SERVER)
def resets_midway() -> Iterator[ClientAttempt]:
    """The server resets the first connection in the middle of the body."""
    yield ClientAttempt(((Take(SOME), HangUp(reset=True)),))


@client_case("closes-kept", SERVER)
def closes_kept() -> Iterator[ClientAttempt]:
    """The client uses a kept connection, which the server closes just as the upload begins."""
    yield ClientAttempt(((Take(0), HangUp()),), "after the head", kept=True)
    yield ClientAttempt(((Take(SOME), HangUp()),), "after 64 KiB", kept=True)
    turn = (Take(SOME), HangUp(reset=True))
    yield ClientAttempt((turn,), "by a reset", kept=True, each_way=False)


@client_case("early-200", SERVER)
def early_200() -> Iterator[ClientAttempt]:
    """The server answers 200 after 64 KiB of the body."""
    yield ClientAttempt(((Take(SOME), Respond(200), Take()),), "reads on", size_bytes=BIG_BYTES)
    yield ClientAttempt(((Take(SOME), Respond(200), HangUp()),), "closes", size_bytes=BIG_BYTES)


@client_case("early-413", SERVER)
def early_413() -> Iterator[ClientAttempt]:
    """The server answers 413 with its reason after 64 KiB of the body."""
    closes, reads_on = (Take(SOME), TOO_LARGE, HangUp()), (Take(SOME), TOO_LARGE, Take())
    yield ClientAttempt((closes, closes), "closes", size_bytes=BIG_BYTES)
    yield ClientAttempt((reads_on, reads_on), "reads on", size_bytes=BIG_BYTES)


@client_case("early-413-tls", SERVER)
def early_413_tls() -> Iterator[ClientAttempt]:
    """The server answers 413 with its reason after 64 KiB of the body, over TLS."""
    for attempt in early_413():
        yield attempt._replace(tls=True)


@client_case("early-413-open", SERVER)
def early_413_open() -> Iterator[ClientAttempt]:
    """The server answers 413 after 64 KiB of the body, reads no more, and keeps the connection open."""
    turn = (Take(SOME), TOO_LARGE, Hold())
    yield ClientAttempt((turn, turn), kinds=("stream",), each_way=False, size_bytes=BIG_BYTES)


@client_case("redirect-307", SERVER)
def redirect_307() -> Iterator[ClientAttempt]:
    """The server redirects by 307 or 308: the client must send the same request there."""
    yield ClientAttempt(((Take(), Respond(307, headers=MOVED)),), "307")
    yield ClientAttempt(((Take(), Respond(308, headers=MOVED)),), "308", each_way=False)
    early = Respond(307, headers=(*MOVED, "Connection: close"))
    turn = (Take(SOME), early, HangUp())
    yield ClientAttempt((turn,), "307 after 64 KiB", each_way=False, size_bytes=BIG_BYTES)


@client_case("redirect-303", SERVER)
def redirect_303() -> Iterator[ClientAttempt]:
    """The server redirects by 301, 302 or 303: a GET is right after 303, and after 301 and 302 to a POST."""
    for status in (301, 302, 303):
        turn = (Take(), Respond(status, headers=MOVED))
        yield ClientAttempt((turn,), str(status), each_way=False)


@client_case("login", SERVER)
def login() -> Iterator[ClientAttempt]:
    """The server requires a digest login: it answers 401 after the body, or early."""
    unknown = Respond(401, "log in first", LOGIN)
    yield ClientAttempt(((Take(), unknown),), "after the body", login=True)
    yield ClientAttempt(((Take(SOME), unknown, Take()),), "after 64 KiB", login=True)


@client_case("expect", SERVER)
def expect_continue() -> Iterator[ClientAttempt]:
    """The client waits for 100 Continue: nothing comes, or 413 or 417."""
    usual = ClientAttempt(kinds=FIRST_OF_KIND, each_way=False, expect=True)
    yield usual._replace(turns=((Take(asks=False), Respond(201)),), label="no answer", must_arrive=True)
    yield usual._replace(turns=((TOO_LARGE, HangUp()),), label="413")
    yield usual._replace(turns=((Respond(417, "no expectations here"), HangUp()),), label="417")


@client_case("reads-slowly", SERVER)
def reads_slowly() -> Iterator[ClientAttempt]:
    """The server reads 1 KB/s for 7 s, then the rest."""
    turn = (Take(7000, each_second=1000), *STORES_REST)
    yield ClientAttempt((turn,), kinds=FIRST_OF_KIND, each_way=False, size_bytes=BIG_BYTES)


@client_case("stops-reading", SERVER)
def stops_reading() -> Iterator[ClientAttempt]:
    """The server reads 64 KiB, stops for 10 s, then reads the rest."""
    turn = (Take(SOME), Pause(10), *STORES_REST)
    yield ClientAttempt((turn,), kinds=FIRST_OF_KIND, each_way=False, size_bytes=BIG_BYTES)


STORES_REST = (Take(), Respond(201))


@client_case("file-offset", FILE)
def file_offset() -> Iterator[ClientAttempt]:
    """The file was already read in part: the client may send all of it or the rest."""
    yield ClientAttempt(source="offset")


@client_case("file-grows", FILE)
def file_grows() -> Iterator[ClientAttempt]:
    """The file becomes longer while it is sent."""
    yield ClientAttempt(((Take(SOME), Resize(100_000), *STORES_REST),), size_bytes=BIG_BYTES)


@client_case("file-shrinks", FILE)
def file_shrinks() -> Iterator[ClientAttempt]:
    """The file becomes shorter while it is sent, so the announced length cannot be reached."""
    yield ClientAttempt(((Take(SOME), Resize(-100_000), *STORES_REST),), size_bytes=BIG_BYTES)


@client_case("file-pipe", FILE)
def file_pipe() -> Iterator[ClientAttempt]:
    """The file is the end of a pipe, without a length."""
    yield ClientAttempt(source="pipe")


@client_case("file-empty", FILE)
def file_empty() -> Iterator[ClientAttempt]:
    """The file is empty."""
    yield ClientAttempt(size_bytes=0, must_arrive=True)


@client_case("file-async", FILE)
def file_async() -> Iterator[ClientAttempt]:
    """The file has an async `read`."""
    yield ClientAttempt(source="async")


@client_case("file-text", FILE)
def file_text() -> Iterator[ClientAttempt]:
    """The file is opened as text, and has letters beyond ASCII."""
    yield ClientAttempt(source="text")


@client_case("file-name", FILE)
def odd_names() -> Iterator[ClientAttempt]:
    """The file's name in a form has quotes, line breaks, or letters beyond ASCII."""
    for label, name in (
        ("quotes", 'a "quoted" name.bin'),
        ("line breaks", "first\r\nX-Second: line.bin"),
        ("non-ASCII", "na\u00efve \u6587\u4ef6.bin"),
    ):
        yield ClientAttempt(label=label, kinds=FORMS, name=name)


@client_case("file-over-2-gib", FILE, large=True)
def file_over_2_gib() -> Iterator[ClientAttempt]:
    """The file is over 2 GiB, and is sent over TLS."""
    yield ClientAttempt(kinds=(*RAW, *FORMS), size_bytes=(1 << 31) + 1, tls=True)
