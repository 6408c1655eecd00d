"""Slow clients at the recipes: each loses its place, and none of them keeps others from uploading."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from uploadlab.units import MIB

from .helpers import wait_until
from .recipes import Recipe, running

pytestmark = pytest.mark.slow

SOONER = {
    "GRACE_SECONDS = 30": "GRACE_SECONDS = 5",
    "HEAD_SECONDS = 30": "HEAD_SECONDS = 5",
    "client_header_timeout 30": "client_header_timeout 5",
}
"""In the copies. The bound on silence stays at 30 s, which these clients never reach."""
HEAD = "PUT {path} HTTP/1.1\r\nHost: recipe\r\nContent-Type: multipart/form-data; boundary=x\r\n"
BODY = (HEAD + "Content-Length: 1000000\r\n\r\n--x", "-")
CHUNKS = (HEAD + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n-\r\n")
IN_A_CHUNK = (HEAD + "Transfer-Encoding: chunked\r\n\r\nfffff\r\n--x", "-")
REFUSED = (HEAD + "Content-Length: 20000000\r\n\r\n--x", "-")
SLOW_HEAD = ("PUT /upl", "o")
HONEST = HEAD + "Connection: close\r\nContent-Length: 5\r\n\r\nbytes"
THREADS = 80
MORE_THAN_THREADS = THREADS + 10
"""Some wait for a thread before the honest client does."""
PER_ADDRESS = 20


def connect(recipe: Recipe, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", recipe.port), 60, (address, 0))


@contextmanager
def trickling(
    recipe: Recipe, words: tuple[str, str], clients: int, addresses: list[str]
) -> Iterator[list[socket.socket]]:
    """Clients that send some bytes each second until they are cut off, or to the end."""
    leave = threading.Event()
    first, more = (text.format(path="/upload").encode() for text in words)

    def trickle(opened: list[socket.socket]) -> None:
        while not leave.wait(1):
            for client in opened:
                with suppress(OSError):
                    client.send(more)

    with ExitStack() as held:
        opened = []
        for number in range(clients):
            client = held.enter_context(connect(recipe, addresses[number % len(addresses)]))
            client.sendall(first)
            client.setblocking(False)  # so that one whose server reads nothing keeps no other waiting
            opened.append(client)
        thread = threading.Thread(target=trickle, args=(opened,))
        thread.start()
        try:
            yield opened
        finally:
            leave.set()
            thread.join()


def upload(recipe: Recipe, address: str) -> tuple[int, str]:
    """The status of an honest upload, and its id or the reason."""
    with connect(recipe, address) as client:
        client.settimeout(240)
        client.sendall(HONEST.format(path="/upload").encode())
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    content = json.loads(answer.partition(b"\r\n\r\n")[2])
    return int(answer.split()[1]), content.get("id") or content["error"]


FOUR = [f"127.0.0.{number}" for number in range(1, 5)]
ONE, OTHER = FOUR[:1], "127.0.0.9"
BARE = [(title, words) for title in ("gunicorn", "uWSGI") for words in (BODY, CHUNKS, IN_A_CHUNK, REFUSED)]
CROWDS = [
    *[(title, words, MORE_THAN_THREADS, ONE, ONE[0]) for title, words in BARE],
    ("gunicorn", SLOW_HEAD, MORE_THAN_THREADS, ONE, ONE[0]),
    ("uWSGI", SLOW_HEAD, THREADS - 10, ONE, ONE[0]),  # no setting of uWSGI's bounds the time of a head
    *[
        (title, words, 100, ONE, OTHER)
        for title in ("nginx and uWSGI", "nginx hands over")
        for words in (BODY, CHUNKS, IN_A_CHUNK, REFUSED, SLOW_HEAD)
    ],
    ("nginx and uWSGI", BODY, 5 * PER_ADDRESS, [*FOUR, "127.0.0.5"], OTHER),  # more than there are threads
    ("nginx hands over", BODY, 600, [f"127.0.1.{number}" for number in range(1, 41)], OTHER),
]


@pytest.mark.parametrize(("title", "words", "clients", "addresses", "other"), CROWDS)
def test_an_upload_is_done_beside_slow_clients(
    tmp_path: Path, title: str, words: tuple[str, str], clients: int, addresses: list[str], other: str
) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", title, **SOONER)
    with running(recipe, title):
        with trickling(recipe, words, clients, addresses):
            status, upload_id = upload(recipe, other)
            assert status == 201, upload_id
        wait_until(lambda: [path.name for path in recipe.stored()] == [upload_id])


@pytest.mark.parametrize("title", ["gunicorn", "uWSGI", "nginx and uWSGI", "A form, push parser"])
@pytest.mark.parametrize("words", [BODY, IN_A_CHUNK])
def test_a_slow_client_is_cut_off_and_reads_why(tmp_path: Path, title: str, words: tuple[str, str]) -> None:
    if title == "nginx and uWSGI" and words == IN_A_CHUNK:
        pytest.skip("nginx takes chunks to a file first")
    recipe = Recipe.copy(tmp_path / "recipe", title, **SOONER)
    path = "/form" if recipe.form else "/upload"
    first = words[0].format(path=path).replace("PUT", "POST" if recipe.form else "PUT")
    with running(recipe, title), trickling(recipe, (first, words[1]), 1, ONE) as (client,):
        client.setblocking(True)
        client.settimeout(120)
        status = int(client.recv(4096).split()[1])
        assert status == 408 or (title, status) == ("nginx and uWSGI", 502)  # as the page says
        wait_until(lambda: recipe.stored() == [])


@pytest.mark.parametrize("title", ["gunicorn", "uWSGI"])
def test_an_upload_that_takes_too_long_is_cut_off_at_any_rate(tmp_path: Path, title: str) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", title, **{"MOST_SECONDS = 4 * 3600": "MOST_SECONDS = 3"})
    head = HEAD.format(path="/upload") + f"Content-Length: {7 * MIB}\r\n\r\n"
    with running(recipe, title), connect(recipe) as client:
        client.sendall(head.encode())
        client.settimeout(0.1)
        answers: list[bytes] = []

        def answered() -> bool:
            with suppress(OSError):  # its server may have hung up: then the answer is there to be read
                client.send(bytes(1 << 14))
            with suppress(TimeoutError):
                answers.append(client.recv(4096))
            return bool(answers)

        wait_until(answered)
        assert b" 408 " in answers[0].partition(b"\r\n")[0]


@pytest.mark.parametrize("title", ["nginx and uWSGI", "nginx hands over"])
def test_one_address_has_so_many_uploads_at_once_and_no_more(tmp_path: Path, title: str) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", title)
    with running(recipe, title):
        with trickling(recipe, BODY, PER_ADDRESS, ONE):
            wait_until(lambda: upload(recipe, ONE[0])[0] == 429)
            status, reason = upload(recipe, ONE[0])
            assert (status, "too many uploads" in reason) == (429, True)
            assert upload(recipe, OTHER)[0] == 201
        wait_until(lambda: upload(recipe, ONE[0])[0] == 201)
