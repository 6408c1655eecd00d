"""HTTP/2 over TLS by other clients: planned where a target speaks TLS, and true."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS
from uploadlab.catalogue.payloads import Payload
from uploadlab.declared.compose import load_needs
from uploadlab.declared.plans import load_plan
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.paths import COMPOSE, PLANS
from uploadlab.planning.draft import draft
from uploadlab.private_urls import Private, keep
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.sending.programs import ClientUnavailable, Programs
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify

from .asked_server import ask
from .helpers import ALL_DEPLOYMENTS, leave_out, need

OVER_HTTP2 = [name for name, method in CLIENT_METHODS.items() if method.http2]
OVER_TLS = [name for name, made in ALL_DEPLOYMENTS.items() if made.tls]


def methods_of(order: Order) -> dict[str, set[str]]:
    """What is sent at each target."""
    found: dict[str, set[str]] = {}
    for item in draft(order).cells:
        found.setdefault(item.cell.deployment, set()).add(item.cell.method)
    return found


def test_it_is_planned_at_targets_with_tls_alone() -> None:
    planned = methods_of(Order(plan="clients"))
    assert not set(OVER_HTTP2).intersection(*planned.values())
    assert "flask" not in methods_of(Order(plan="clients", methods=OVER_HTTP2, deployments=["flask"]))
    targets = {"mine": "https://192.0.2.1", "plain": "http://192.0.2.1"}
    methods = ["request.stream", "curl.stream-h2"]
    planned = methods_of(Order(methods=methods, deployments=[*targets], targets=targets))
    assert (planned["mine"], planned["plain"]) == ({*methods}, {"request.stream"})


def test_its_plan_has_all_clients_and_all_targets_with_tls() -> None:
    planned = methods_of(Order(plan="clients-tls"))
    assert all(planned[name] >= set(OVER_HTTP2) for name in OVER_TLS)
    assert load_plan("clients-tls", PLANS).minutes


@pytest.fixture(scope="module")
def sender() -> Iterator[ProgramSender]:
    with closing(ProgramSender()) as sender:
        yield sender


def require(client: str) -> None:
    """Leave the test out where the client is not installed."""
    with closing(Programs()) as programs:
        try:
            programs.versions(client)
        except ClientUnavailable as error:
            leave_out("clients", str(error))


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The URLs of all fronts with TLS."""
    need("nginx", "haproxy", "caddy", "trustme")
    folder = tmp_path_factory.mktemp("lab")
    with Processes() as processes:
        scratch = Scratch.make(processes, folder, "tls")
        runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        targets = runtime.start([ALL_DEPLOYMENTS[name] for name in OVER_TLS])
        client = Client(processes)
        for target in targets:
            assert client.wait_healthy(target, 120, lambda: "")[1] == ""
        yield [target.url for target in targets]


@pytest.mark.slow
@pytest.mark.parametrize("method", OVER_HTTP2)
def test_every_byte_arrives_over_it(
    urls: list[str], sender: ProgramSender, method: str, payload: Payload
) -> None:
    require(CLIENT_METHODS[method].client)
    for url in urls:
        uploaded = upload(url, CLIENT_METHODS[method], payload, programs=sender)
        outcome = verify(url, uploaded, payload)
        assert (url, outcome.status, outcome.error) == (url, Status.OK, None)


@pytest.mark.parametrize("client", ["curl", "node", "httpx"])
def test_an_upload_over_another_protocol_is_no_upload_over_it(
    client: str, sender: ProgramSender, payload: Payload, tmp_path: Path
) -> None:
    need("trustme")
    import trustme

    assert "stream-h2" in CLIENTS[client].ways
    require(client)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with ask(tls=tls) as (url, _):
        keep(url.rstrip("/"), Private(insecure=True))
        method = CLIENT_METHODS[f"{client}.stream-h2"]
        outcome = upload(url.rstrip("/"), method, payload, programs=sender).outcome
    assert outcome.status is Status.FAILED
    assert outcome.error and "HTTP/2" in outcome.error
