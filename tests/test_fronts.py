"""The group `fronts`: what stands before one and the same gunicorn, by HTTP and by TLS."""

import http.client
import json
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from uploadlab.catalogue.payloads import Payload
from uploadlab.declared import variants
from uploadlab.declared.compose import load_needs
from uploadlab.model.checks import Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.planning.ablation import ablated
from uploadlab.private_urls import keep, private_parts
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.runtimes.override import override
from uploadlab.sending.client import Client
from uploadlab.storage.run_folder import RunFolder

from .helpers import ALL_DEPLOYMENTS, descendants, lab, need, wait_until

pytestmark = pytest.mark.slow

FRONTS = {name: made for name, made in ALL_DEPLOYMENTS.items() if made.group == "fronts"}
OVER_TLS = [name for name, made in FRONTS.items() if made.tls]
TUNED = [name for name, made in FRONTS.items() if made.tier == "tuned"]
CASES = [
    "content-length",
    "chunked",
    "early-refusal",
    "early-refusal-tls",
    "client-gone",
    "cut-chunks",
    "no-length",
]
SENT = [
    "request.stream",
    "request.stream-16k",
    "request.stream-curl",
    "request.stream-chunked",
    "request.stream-digest",
    "request.files",
    "request.files-streamed",
]
"""What a front sees another request of; how the app reads it makes no difference to a front."""


@pytest.fixture(scope="module")
def programs() -> None:
    need("nginx", "haproxy", "apache2", "caddy", "envoy")


@pytest.fixture(scope="module")
def checked(programs: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The only check of fronts: of those that have to pass. The run below starts all."""
    out = tmp_path_factory.mktemp("check")
    words = ("--deployments", ",".join(TUNED), "--cases", ",".join(CASES))
    done = lab("check", *words, "--runtime", "local", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return RunFolder(next(out.iterdir()))


@pytest.fixture(scope="module")
def smoke(programs: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The only run of all fronts."""
    out = tmp_path_factory.mktemp("smoke")
    words = [
        "--group",
        "fronts",
        "--plan",
        "smoke",
        "--methods",
        ",".join(SENT),
        "--sizes",
        "1MiB",
        "--rounds",
        "1",
    ]
    done = lab("run", *words, "--runtime", "local", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return RunFolder(next(out.iterdir()))


class Running:
    """All fronts, up at once."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        scratch = Scratch.make(processes, folder, "a path with spaces, & more")
        self.data = scratch.data_dir
        self.client = Client(processes)
        self.runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        self.targets = {target.name: target for target in self.runtime.start([*FRONTS.values()])}

    def why_not(self, target: Target, seconds: float = 120) -> str:
        """Why a target is not healthy; empty if it is."""
        return self.client.wait_healthy(target, seconds, lambda: self.runtime.explain(target.name))[1]

    def app(self, name: str) -> list[int]:
        """The processes of the app behind a front, its master first."""
        return [pid for pid in sorted(descendants()) if f"LAB_DEPLOYMENT={name}" in own(pid, "environ")
                and any(word.endswith("/gunicorn") for word in own(pid, "cmdline"))]  # fmt: skip


def own(pid: int, what: str) -> list[str]:
    """The words of a process's command or environment; none once it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace").split("\0")
    return []


@pytest.fixture(scope="module")
def running(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Processes() as processes:
        running = Running(processes, tmp_path_factory.mktemp("running"))
        for target in running.targets.values():
            assert running.why_not(target) == ""
        yield running
        running.runtime.stop()


def ask(target: Target, verb: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    place, private = urlsplit(target.url), private_parts(target.url)
    context = ssl.create_default_context(cafile=private.ca_file) if private.ca_file else None
    connection = (
        http.client.HTTPSConnection(place.netloc, timeout=60, context=context)
        if context
        else http.client.HTTPConnection(place.netloc, timeout=60)
    )
    connection.request(verb, path, b"some bytes" if verb == "PUT" else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("name", TUNED)
def test_a_tuned_front_stores_every_byte_or_refuses_clearly(checked: RunFolder, name: str) -> None:
    rows = [row for row in checked.read_checks() if row.deployment == name]
    elsewhere = "early-refusal" if FRONTS[name].tls else "early-refusal-tls"
    assert {row.case for row in rows} == set(CASES) - {elsewhere}
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    # Half-closed: a known exception.
    assert {(row.case, row.code) for row in bad} <= {("cut-chunks", "no-answer-disconnected")}


@pytest.mark.parametrize("name", FRONTS)
def test_every_way_of_sending_arrives_through_a_front(smoke: RunFolder, name: str) -> None:
    rows = [row for row in smoke.read_measurements() if row.deployment == name and not row.warmup]
    assert {(row.status, row.error, row.digest_ok) for row in rows} == {(Status.OK, None, True)}
    assert {row.method for row in rows} == set(SENT)
    assert all(row.server_cpu_seconds is not None for row in rows)  # of front and app together


def test_a_stored_run_names_no_certificate_of_a_start(smoke: RunFolder) -> None:
    run = smoke.read_run()
    assert {target.name for target in run.targets if target.url.startswith("https:")} == set(OVER_TLS)
    assert ".pem" not in json.dumps([target.url for target in run.targets] + [str(run.targets)])


def test_a_run_over_tls_is_resumed_with_load(
    programs: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("load")
    names = OVER_TLS[:1]  # whatever the front is: what is tried are the lab's certificate and address
    words = ["--deployments", ",".join(names), "--methods", "request.stream", "--plan", "smoke"]
    begun = lab("run", *words, "--runtime", "local", "--rounds", "1", "--out", out)
    assert begun.returncode == 0, begun.stdout + begun.stderr
    folder = next(out.iterdir())
    done = lab("resume", folder, "--load", "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    uploads = RunFolder(folder).read_uploads()
    steps = {step.step_id for step in RunFolder(folder).read_steps()}
    assert {name for name in OVER_TLS if any(name in step for step in steps)} == set(names)
    assert uploads
    assert {(row.status, row.error, row.digest_ok) for row in uploads} == {(Status.OK, None, True)}


@pytest.mark.parametrize("name", FRONTS)
def test_a_front_hands_on_whom_a_page_has_asked_for(running: Running, name: str) -> None:
    target = running.targets[name]
    port = urlsplit(target.url).port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example"):
        assert ask(target, "PUT", "/request-stream", {"Host": host})[0] == 421, host
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask(target, "PUT", "/request-stream", headers)[0] == 403, headers
    own = {"Host": f"localhost:{port}", "Origin": f"{urlsplit(target.url).scheme}://localhost:{port}"}
    status, body = ask(target, "PUT", "/request-stream", own)
    assert status == 201
    assert ask(target, "DELETE", f"/uploads/{json.loads(body)['id']}", {})[0] == 204
    assert [path for path in (running.data / name).rglob("*") if path.is_file()] == []


@contextmanager
def authority(target: Target, path: Path) -> Iterator[None]:
    """Have clients check the target's certificate by that authority."""
    private = private_parts(target.url)
    keep(target.url, private._replace(ca_file=str(path)))
    yield
    keep(target.url, private)


@pytest.mark.parametrize("name", OVER_TLS)
def test_a_certificate_of_another_authority_is_not_trusted(
    running: Running, tmp_path: Path, name: str
) -> None:
    trustme = pytest.importorskip("trustme")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    target = running.targets[name]
    with authority(target, tmp_path / "other.pem"):
        why = running.why_not(target, 1)
    assert why.startswith(f"{target.url}: its certificate is not trusted: ")
    assert running.why_not(target, 1) == ""


@pytest.mark.parametrize("name", OVER_TLS)
def test_nobody_else_can_read_a_key(running: Running, name: str) -> None:
    key = Path(private_parts(running.targets[name].url).ca_file).with_name("tls.pem")
    assert "PRIVATE KEY" in key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", FRONTS)
def test_a_front_whose_app_has_ended_says_so_by_its_name(
    running: Running, payload: Payload, name: str
) -> None:
    """Last: no other test has an app then."""
    target = running.targets[name]
    os.kill(running.app(name)[0], signal.SIGTERM)
    wait_until(lambda: not running.app(name))
    why = running.why_not(target, 1)
    assert why.endswith(f" from {FRONTS[name].front}, the app behind it does not run)"), why
    assert "answered 50" in why
    assert not running.runtime.explain(name)  # the front is up
    for method in ("request.stream", "request.stream-curl"):
        outcome = running.client.measure(target.url, method, payload, 60)
        assert outcome.status is Status.REFUSED
        assert FRONTS[name].front in (outcome.error or ""), outcome.error


@pytest.mark.parametrize("name", FRONTS)
def test_a_config_beside_a_fronts_is_a_deployment(name: str, tmp_path: Path) -> None:
    command = FRONTS[name].services[0].command
    path = command[2]
    copied = tmp_path / "own"
    for word in sorted({word for word, _ in variants.config_owners(ALL_DEPLOYMENTS)}):
        (copied / word).parent.mkdir(parents=True, exist_ok=True)
        (copied / word).write_text((ROOT / word).read_text())
    own = variants.beside(path, "my-own")
    (copied / own).write_text((ROOT / path).read_text() + "\n")
    made = variants.by_name("my-own", ALL_DEPLOYMENTS, copied)
    assert made
    assert made.services[0].command == [own if word == path else word for word in command]
    assert (made.tls, made.front, made.group) == (FRONTS[name].tls, FRONTS[name].front, "fronts")
    mounts = yaml.safe_load(override(COMPOSE, [made], tmp_path))["services"]["my-own"]["volumes"]
    assert "/data" in mounts
    assert ("certificates:/certificates" in mounts) == made.tls


@pytest.mark.parametrize("name", TUNED)
def test_each_setting_of_a_tuned_front_can_be_reset(name: str) -> None:
    path = FRONTS[name].services[0].command[2]
    copies, texts = ablated(FRONTS[name], name, ALL_DEPLOYMENTS, ROOT)
    assert {Path(own).parent for own in texts} == {Path(path).parent}
    assert all(copy.tls == FRONTS[name].tls for copy in copies)
