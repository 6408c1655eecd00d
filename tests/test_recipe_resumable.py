"""docs/recipes/app_resumable.py behind its servers: every byte once, whatever is cut, wrong or too late."""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from threading import Event

import pytest
import requests
from uploadlab.units import MIB

from .helpers import wait_until
from .recipes import RESUMABLE, Recipe, running
from .tus import KIND, Tus

pytestmark = pytest.mark.slow

APP = {
    "from app import app\n": "from app_resumable import app\n",
    "module = app:app": "module = app_resumable:app",
    "MOST_UNFINISHED = 1000": "MOST_UNFINISHED = 3",
    "CROWDED_SECONDS = 10 ": "CROWDED_SECONDS = 600 ",  # a slow test is no crowd
}
SERVERS = [RESUMABLE, "uWSGI", "nginx and uWSGI"]
FILE = random.Random(26).randbytes(MIB + 1)
LOOKS = 50
LOST_BYTES = 64 << 10
"""Less than a cut may cost."""
DAY_SECONDS, EMPTY_SECONDS, CROWDED_SECONDS = 24 * 3600, 900, 600


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tus]:
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "a copy", **APP)
    with running(recipe, request.param):
        yield Tus(recipe)


@pytest.fixture
def tus(served: Tus) -> Tus:
    for path in served.recipe.stored():
        path.unlink(missing_ok=True)
    return served


def whole(tus: Tus) -> list[bytes]:
    """What is stored under final names."""
    return [path.read_bytes() for path in tus.recipe.uploads.iterdir() if path.is_file()]


def unfinished(tus: Tus, place: str = "*", kind: str = "part") -> list[Path]:
    return [*(tus.recipe.uploads / "resumable").glob(f"{place.rpartition('/')[2]}.{kind}")]


def grow_old(path: Path, seconds: int) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_file_in_pieces_gets_its_name_with_its_last_byte(tus: Tus) -> None:
    metadata = "filename YQ==,empty,last "
    place = tus.begin(len(FILE), **{"Upload-Metadata": metadata})
    middle = len(FILE) // 2
    assert tus.patch(place, 0, FILE[:middle]).headers["Upload-Offset"] == str(middle)
    assert (whole(tus), tus.offset(place)) == ([], middle)
    about = tus.ask("HEAD", place)
    assert about.headers["Upload-Metadata"].strip() == metadata.strip()
    assert (about.headers["Upload-Length"], about.headers["Cache-Control"]) == (str(len(FILE)), "no-store")
    assert about.headers["Upload-Expires"].endswith(" GMT")
    done = tus.patch(place, middle, FILE[middle:])
    assert (done.status_code, done.headers["Upload-Offset"]) == (204, str(len(FILE)))
    assert whole(tus) == [FILE]
    assert (tus.recipe.uploads / place.rpartition("/")[2]).read_bytes() == FILE
    assert tus.offset(place) == len(FILE)  # for a client that missed the answer
    assert tus.patch(place, len(FILE), b"").status_code == 204
    assert tus.patch(place, len(FILE), b"more").status_code == 413
    assert whole(tus) == [FILE]


def test_an_empty_file_is_whole_at_once_and_another_method_may_be_named(tus: Tus) -> None:
    assert tus.offset(tus.begin(0)) == 0
    assert whole(tus) == [b""]
    place = tus.begin(5)
    headers = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": KIND}
    assert tus.ask("POST", place, headers, b"bytes").status_code == 204
    assert sorted(whole(tus)) == [b"", b"bytes"]
    given_up = tus.begin(5)
    tus.patch(given_up, 0, b"byt")
    assert tus.ask("POST", given_up, {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert tus.ask("HEAD", given_up).status_code == 404
    assert unfinished(tus) == unfinished(tus, given_up, "json") == []


def test_what_the_server_can_do_is_answered_without_a_version(tus: Tus) -> None:
    answer = tus.ask("OPTIONS", headers={"Tus-Resumable": ""})
    said = {name: answer.headers[name] for name in ("Tus-Version", "Tus-Extension", "Tus-Max-Size")}
    assert (answer.status_code, said) == (
        204,
        {
            "Tus-Version": "1.0.0",
            "Tus-Extension": "creation,expiration,termination",
            "Tus-Max-Size": str(8 * MIB),
        },
    )


BEGUN = {"Upload-Length": "5"}
WRONG = [
    ("POST", {}, 400), ("POST", {"Upload-Length": "-1"}, 400), ("POST", {"Upload-Length": "5.0"}, 400),
    ("POST", {"Upload-Length": "5, 5"}, 400), ("POST", {"Upload-Length": "9" * 19}, 400),
    ("POST", {"Upload-Length": str(8 * MIB + 1)}, 413), ("POST", {"Upload-Defer-Length": "1"}, 400),
    ("POST", {**BEGUN, "Tus-Resumable": "0.2.2"}, 412), ("POST", {**BEGUN, "Tus-Resumable": ""}, 412),
    *(("POST", {**BEGUN, "Upload-Metadata": bad}, 400) for bad in ("a b c", "a ?", ",", "a,,b", "a" * 3000)),
    ("POST", {**BEGUN, "Origin": "http://other.example"}, 403),
    ("HEAD", {"Tus-Resumable": "2.0.0"}, 412), ("DELETE", {"Tus-Resumable": ""}, 412), ("GET", {}, 405),
    ("PATCH", {"Upload-Offset": "0"}, 415), ("PATCH", {"Content-Type": KIND}, 400),
    *(("PATCH", {"Upload-Offset": at, "Content-Type": KIND}, 400) for at in ("", "-1", "+0", "0x0", "0, 0")),
    *(("PATCH", {"Upload-Offset": at, "Content-Type": KIND}, 409) for at in ("1", "3", "5", "9" * 18)),
    ("PATCH", {"Upload-Offset": "2", "Content-Type": KIND, "Tus-Resumable": "1.0"}, 412),
    ("PATCH", {"Upload-Offset": "2", "Content-Type": KIND, "Upload-Length": "4"}, 400),
    ("PATCH", {"Upload-Offset": "2", "Content-Type": KIND, "Content-Encoding": "gzip"}, 415),
    ("PATCH", {"Upload-Offset": "2", "Content-Type": KIND, "Content-Range": "bytes 2-4/5"}, 400),
]  # fmt: skip


def test_a_wrong_request_changes_nothing_and_gets_a_reason(tus: Tus) -> None:
    place = tus.begin(5)
    tus.patch(place, 0, b"by")
    before = sorted(tus.recipe.uploads.rglob("*"))
    for method, headers, status in WRONG:
        answer = tus.ask(
            method, "" if method == "POST" else place, headers, b"tes" if method == "PATCH" else b""
        )
        assert answer.status_code == status, (method, headers, answer.text)
        assert method == "HEAD" or answer.json()["error"]
        assert status != 412 or answer.headers["Tus-Version"] == "1.0.0"
    assert tus.ask("POST", headers=BEGUN, body=b"bytes").status_code == 400
    assert tus.patch(place, 2, b"tes+").status_code == 413
    assert (tus.offset(place), sorted(tus.recipe.uploads.rglob("*"))) == (2, before)
    for odd in ("/files/" + "0" * 32, "/files/..%2f..%2fapp", "/files/" + "A" * 32, "/files/%00", "/files/x"):
        assert {tus.ask("HEAD", odd).status_code, tus.patch(odd, 0, b"x").status_code} <= {400, 404}, odd
    assert tus.patch(place, 2, b"tes").status_code == 204
    assert whole(tus) == [b"bytes"]


def test_a_chunked_body_is_kept_as_far_as_the_upload_goes(tus: Tus) -> None:
    place = tus.begin(5)
    headers = {"Upload-Offset": "0", "Content-Type": KIND, "Tus-Resumable": "1.0.0"}
    url = tus.url.replace("/files", place)
    assert requests.patch(url, iter([b"by", b"t"]), headers=headers, timeout=60).status_code == 204
    longer = requests.patch(url, iter([b"es+"]), headers={**headers, "Upload-Offset": "3"}, timeout=60)
    assert (longer.status_code, tus.offset(place), whole(tus)) == (413, 3, [])
    rest = requests.patch(url, iter([b"es"]), headers={**headers, "Upload-Offset": "3"}, timeout=60)
    assert (rest.status_code, whole(tus)) == (204, [b"bytes"])


def test_what_arrived_before_a_cut_stays(tus: Tus, request: pytest.FixtureRequest) -> None:
    place = tus.begin(len(FILE))
    sent = len(FILE) - 1000
    with tus.open(place, 0, len(FILE), FILE[:sent]):
        wait_until(lambda: unfinished(tus, place)[0].stat().st_size > 0)
    wait_until(lambda: (tus.offset(place) or 0) > 0)
    offset = tus.offset(place)
    assert offset is not None
    in_front = request.node.callspec.params["served"] == "nginx and uWSGI"  # drops what it has not handed on
    assert (0 if in_front else sent - LOST_BYTES) < offset <= sent
    assert whole(tus) == []
    assert tus.patch(place, offset, FILE[offset:]).status_code == 204
    assert whole(tus) == [FILE]


def test_a_second_client_of_an_upload_is_refused_until_the_first_one_ends(tus: Tus) -> None:
    place = tus.begin(len(FILE))
    with tus.open(place, 0, len(FILE), FILE[:-1]) as first:
        wait_until(lambda: unfinished(tus, place)[0].stat().st_size > 0)  # by then it has the lock
        assert tus.offset(place) is None
        refusals = [
            tus.patch(place, 0, FILE),
            tus.patch(place, len(FILE) - 1, FILE[-1:]),
            tus.ask("DELETE", place),
        ]
        assert [answer.status_code for answer in refusals] == [423] * 3
        assert "another request" in refusals[0].json()["error"]
        first.sendall(FILE[-1:])
        assert b" 204 " in first.recv(4096).partition(b"\r\n")[0]
    assert whole(tus) == [FILE]


def test_a_client_that_looks_is_no_reason_to_refuse_another(tus: Tus) -> None:
    place, ended = tus.begin(LOOKS), Event()
    with ThreadPoolExecutor() as pool:
        looks = [
            pool.submit(lambda: [*takewhile(lambda _: not ended.is_set(), look(tus, place))])
            for _ in range(2)
        ]
        sent = [tus.patch(place, at, b"x").status_code for at in range(LOOKS)]
        ended.set()
    assert sent == [204] * LOOKS
    assert all(look.result() for look in looks)


def look(tus: Tus, place: str) -> Iterator[int | None]:
    """The offset, over and over."""
    while True:
        yield tus.offset(place)


def test_uploads_expire_and_those_that_wait_are_bounded(tus: Tus) -> None:
    begun, empty, done = tus.begin(5), tus.begin(5), tus.begin(4)
    tus.patch(begun, 0, b"by")
    tus.patch(done, 0, b"done")
    waiting = tus.begin(5)
    full = tus.ask("POST", headers=BEGUN)
    assert (full.status_code, full.headers["Retry-After"]) == (503, "60")
    assert "unfinished" in full.json()["error"]
    kept = [(begun, "part", DAY_SECONDS), (empty, "part", EMPTY_SECONDS), (done, "json", EMPTY_SECONDS)]
    for place, kind, seconds in kept:
        grow_old(unfinished(tus, place, kind)[0], seconds - 60)
    assert [tus.ask("HEAD", place).status_code for place, *_ in kept] == [200] * 3
    for place, kind, seconds in kept:
        grow_old(unfinished(tus, place, kind)[0], seconds + 1)
    assert tus.patch(begun, 2, b"tes").status_code == 404
    new = tus.begin(5)  # sweeps
    assert {path.stem for path in unfinished(tus, kind="*")} == {
        place.rpartition("/")[2] for place in (waiting, new)
    }
    assert [tus.ask("HEAD", place).status_code for place, *_ in kept] == [404] * 3
    assert whole(tus) == [b"done"]
    tus.begin(5)
    assert tus.ask("POST", headers=BEGUN).status_code == 503
    grow_old(unfinished(tus, new)[0], CROWDED_SECONDS + 1)
    tus.begin(5)  # in its place, as nothing came
    assert (tus.ask("HEAD", new).status_code, tus.ask("HEAD", waiting).status_code) == (404, 200)
