"""HTTP/2 over TLS by other clients: planned where a target speaks TLS, and true."""

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS
from uploadlab.catalogue.payloads import Payload
from uploadlab.declared import variants
from uploadlab.declared.compose import config_texts, load_needs
from uploadlab.declared.config_syntax import bare_lines
from uploadlab.declared.links import load_links
from uploadlab.declared.plans import load_plan, named_deployments
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.paths import COMPOSE, PLANS, ROOT
from uploadlab.planning.draft import draft
from uploadlab.private_urls import Private, keep, private_parts
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
PLANNED = variants.extended(ALL_DEPLOYMENTS, named_deployments(load_plan("links", PLANS)), ROOT)
STARTED = {name: made for name, made in PLANNED.items() if made.tls}
"""What of them a config alone makes included."""
SMALL = ("-stock-window", "-edge-window")
"""How the name of a deployment ends that differs from another by its window alone."""
IN_CHROMIUM = ("nginx-tls", "caddy-tls")
"""It takes 2 CPU seconds for a page: all fronts are sent to by other clients."""


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
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URLs of all fronts with TLS, by their names."""
    need("nginx", "haproxy", "caddy", "apache2", "envoy", "trustme")
    folder = tmp_path_factory.mktemp("lab")
    with Processes() as processes:
        scratch = Scratch.make(processes, folder, "tls")
        runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        targets = runtime.start([*STARTED.values()])
        client = Client(processes)
        for target in targets:
            assert client.wait_healthy(target, 120, lambda: "")[1] == ""
        yield {target.name: target.url for target in targets}


@pytest.mark.slow
@pytest.mark.parametrize("method", OVER_HTTP2)
def test_every_byte_arrives_over_it(
    urls: dict[str, str], sender: ProgramSender, method: str, payload: Payload
) -> None:
    require(CLIENT_METHODS[method].client)
    names = [name for name in urls if not name.endswith(SMALL)]
    for url in (urls[name] for name in (IN_CHROMIUM if method.startswith("chromium.") else names)):
        uploaded = upload(url, CLIENT_METHODS[method], payload, programs=sender)
        outcome = verify(url, uploaded, payload)
        assert (url, outcome.status, outcome.error) == (url, Status.OK, None)


def settings_frame(url: str) -> dict[int, int]:
    """What a server says first over HTTP/2 (RFC 9113, 6.5): values by their identifiers."""
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=private_parts(url).ca_file)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection((place.hostname, place.port), 60)
    with context.wrap_socket(plain, server_hostname=place.hostname) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        with connection.makefile("rb") as file:
            head = file.read(9)
            assert head[3:5] == bytes([4, 0])  # SETTINGS, no acknowledgement
            return dict(struct.iter_unpack(">HI", file.read(int.from_bytes(head[:3]))))


@pytest.mark.slow
def test_a_tuned_front_lets_a_distant_client_send_without_a_pause(urls: dict[str, str]) -> None:
    window = 4  # SETTINGS_INITIAL_WINDOW_SIZE
    far = load_links()["far"]
    needed_bytes = (far.up or 0) * far.round_trip
    tuned = [name for name in OVER_TLS if ALL_DEPLOYMENTS[name].tier == "tuned"]
    assert tuned and all(settings_frame(urls[name])[window] >= needed_bytes for name in tuned)
    # What the plan compares them with.
    small = [name for name in STARTED if name.endswith(SMALL)]
    assert small and all(settings_frame(urls[name]).get(window, 65535) < 1 << 17 for name in small)


def test_a_deployment_with_a_small_window_differs_from_its_like_by_nothing_else() -> None:
    def lines(name: str) -> set[str]:
        texts = config_texts(ROOT, [PLANNED[name]])
        return {line for path, text in texts.items() for line in bare_lines(path, text)}

    for name in [name for name in STARTED if name.endswith(SMALL)]:
        changed = lines(name) ^ lines(name.rpartition("-tls")[0] + "-tls")
        assert changed and not [
            line for line in changed if not re.search("http2_|window|client_body_buffer_size", line)
        ], changed


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


def frames(file: BinaryIO) -> Iterator[int]:
    """The types of the frames that a client sends (RFC 9113, 4.1), until it hangs up."""
    while head := file.read(9):
        file.read(int.from_bytes(head[:3]))
        yield head[3]


def refuse_early(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answer 400 to a body that has just begun, and close its stream."""
    data, stream = 0, bytes([0, 0, 0, 1])
    with (
        context.wrap_socket(listener.accept()[0], server_side=True) as connection,
        connection.makefile("rb") as file,
    ):
        file.read(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))  # SETTINGS
        sent = frames(file)
        assert data in sent
        # HEADERS with END_STREAM and status 400, which HPACK has a number for; RST_STREAM, NO_ERROR.
        connection.sendall(bytes([0, 0, 1, 1, 5]) + stream + bytes([0x8C]))
        connection.sendall(bytes([0, 0, 4, 3, 0]) + stream + bytes(4))
        list(sent)


@pytest.mark.parametrize("client", ["curl", "node"])
def test_an_early_refusal_over_http2_is_its_answer(
    client: str, sender: ProgramSender, payload: Payload
) -> None:
    need("trustme")
    import trustme

    require(client)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=refuse_early, args=(listener, context), daemon=True)
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        keep(url, Private(insecure=True))
        outcome = upload(url, CLIENT_METHODS[f"{client}.stream-h2"], payload, programs=sender).outcome
        server.join(60)
    assert (outcome.status, outcome.http_status) == (Status.REFUSED, 400), outcome.error
