"""The programs of other clients: each upload arrives as it was sent, by every way."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.client_registry import CHECKED_CLIENTS
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS, kind_of
from uploadlab.catalogue.payloads import Payload
from uploadlab.declared.compose import load_needs
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.paths import COMPOSE, PACKAGES
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.sending.programs import INSTALL, ClientUnavailable, Programs, ProgramSent
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify

from .asked_server import ask
from .helpers import DEPLOYMENTS, leave_out, need

NEED = "clients"
"""How LAB_REQUIRE names the libraries and programs of all clients."""
HTTP2_ENDING = "-h2"
CONTENT = b"some bytes\n" * 5000


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    """A program a client, for all tests of this file."""
    with Processes() as processes:
        started = Programs(processes)
        yield started
        started.close()


def of_client(name: str, programs: Programs) -> str:
    """Its name, if it is installed here."""
    try:
        assert all(programs.versions(name).values())
    except ClientUnavailable as error:
        assert INSTALL in str(error)
        leave_out(NEED, str(error))
    return name


@pytest.fixture(params=CHECKED_CLIENTS)
def client(request: pytest.FixtureRequest, programs: Programs) -> str:
    """Each client that is installed here, and sends a file as it is."""
    return of_client(request.param, programs)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One gunicorn."""
    folder = tmp_path_factory.mktemp("lab")
    with Processes() as processes:
        scratch = Scratch.make(processes, folder, "clients")
        runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        (target,) = runtime.start([DEPLOYMENTS["gunicorn-gthread"]])
        _, why = Client(processes).wait_healthy(target, 120, lambda: runtime.explain(target.name))
        assert why == ""
        yield target


@pytest.mark.parametrize("name", CLIENTS)
def test_each_way_stores_every_byte(
    name: str, programs: Programs, target: Target, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, client = ProgramSender(), of_client(name, programs)
    monkeypatch.setattr(sender, "_programs", programs)
    for method in CLIENTS[client].methods:
        outcome = verify(
            target.url, upload(target.url, CLIENT_METHODS[method], payload, programs=sender), payload
        )
        if method.endswith(HTTP2_ENDING):
            assert (outcome.status, "TLS" in str(outcome.error)) == (Status.UNAVAILABLE, True), outcome.error
            continue
        assert (method, outcome.status, outcome.error) == (method, Status.OK, None)
        assert outcome.seconds and outcome.client_cpu_seconds
        assert outcome.client_peak_rss_bytes is None or outcome.client_peak_rss_bytes > 0


def sent(programs: Programs, client: str, url: str, way: str = "stream", **more: Any) -> ProgramSent:
    """What the program says of an upload of CONTENT."""
    job = {"way": way, "url": url, "size_bytes": len(CONTENT), **more}
    said = programs.send(client, job, 120)
    assert said is not None
    return said


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return str(path)


def test_an_upload_follows_a_request_on_its_connection(client: str, programs: Programs, file: str) -> None:
    with ask() as (url, asked):
        said = sent(programs, client, url, path=file, first_url=url)
    if not said.cannot:
        assert (said.status, said.error) == (201, "")
        assert [request.verb for request in asked] == ["GET", "PUT"]
        assert len({request.port for request in asked}) == 1
        assert asked[-1].body == CONTENT


def test_an_upload_answers_a_challenge_or_says_why_not(client: str, programs: Programs, file: str) -> None:
    with ask(wants_login=True) as (url, asked):
        said = sent(programs, client, url, path=file, login=["me", "secret"])
    if not said.cannot:
        assert "authorization" not in asked[0].head
        # Some send the file only once: what a client makes of a challenge is for the check to judge.
        assert said.error or (said.status, asked[-1].body) == (201, CONTENT)


def test_an_upload_waits_for_100_continue_or_says_that_it_cannot(
    client: str, programs: Programs, file: str
) -> None:
    with ask() as (url, asked):
        said = sent(programs, client, url, path=file, expect=True)
    if not said.cannot:
        assert (said.status, said.error, asked[-1].body) == (201, "", CONTENT)
        assert asked[-1].head["expect"].lower() == "100-continue"


def test_each_form_has_its_fields(client: str, programs: Programs, file: str) -> None:
    others = [["x", "1"], ["y", "2"], ["x", "3"]]
    form = {"verb": "POST", "field": "upload", "name": Path(file).name, "others": others}
    for way in (way for way in CLIENTS[client].ways if kind_of(way) == "form"):
        with ask() as (url, asked):
            said = sent(programs, client, url, way, path=file, **form)
        assert (way, said.status, said.error) == (way, 201, "")
        (body,) = (
            request.body for request in asked if request.verb == "POST"
        )  # a page also asks for an icon
        assert CONTENT in body
        assert b'name="upload"; filename="%b"' % Path(file).name.encode() in body
        assert sorted(re.findall(rb'name="([xy])"\r\n(?:.+\r\n)*\r\n(\d)\r\n', body)) == [
            (b"x", b"1"), (b"x", b"3"), (b"y", b"2"),
        ], way  # fmt: skip


def test_a_certificate_is_checked(client: str, programs: Programs, file: str, tmp_path: Path) -> None:
    need("trustme")
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with ask(tls=tls) as (url, asked):
        assert sent(programs, client, url, path=file).error
        assert sent(programs, client, url, path=file, insecure=True).status == 201
        assert sent(programs, client, url, path=file, ca_file=str(tmp_path / "ca.pem")).status == 201
    assert [request.body for request in asked] == [CONTENT] * 2


def test_each_library_is_locked() -> None:
    folder = PACKAGES / "clients"
    assert {path.stem for path in folder.glob("*.in")} == {path.stem for path in folder.glob("*.txt")}
