"""When an upload to a server without the lab's routes counts, and what such a server has stored."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.commands.target_options import target_options
from uploadlab.model.measurements import Outcome
from uploadlab.model.targets import TargetSpec
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.units import MIB

from .upload_apps import UploadApp, upload_app

METHODS = ("request.stream", "request.files-streamed", "request.stream-curl")


@click.command()
@target_options
def described(targets: dict[str, str], spec: TargetSpec, app: None) -> TargetSpec:
    return spec


def spec_of(url: str, *words: str | Path) -> TargetSpec:
    """What the command line says of a target."""
    spec = described.main(["--target", f"mine={url}", *map(str, words)], standalone_mode=False)
    assert isinstance(spec, TargetSpec)
    return spec


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Processes() as processes:
        yield Client(processes)


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    return write_payload(tmp_path_factory.mktemp("payload") / "1.bin", MIB)


def uploaded(client: Client, app: UploadApp, payload: Payload, *words: str | Path) -> list[Outcome]:
    url = f"{app.url}/up"
    spec = spec_of(url, *words)
    return [client.measure(url, method, payload, 60, spec) for method in METHODS]


READ_BACK = {
    "the content at a path of the answer": ("--stored-url", "/{path}"),
    "the content at Location": ("--stored-url", "{location}"),
    "a size in the answer": ("--stored-json", "size=size"),
    "JSON at a URL": ("--stored-url", "/about/{id}", "--stored-json", "size=meta.bytes", "--stored-json",
                      "sha256=meta.sha256"),
    "the folder": ("--stored-dir", "STORE"),
}  # fmt: skip


@pytest.mark.parametrize("words", READ_BACK.values(), ids=READ_BACK)
@pytest.mark.parametrize("loses", [False, True])
def test_a_read_back_upload_is_ok_or_wrong(
    tmp_path: Path, client: Client, payload: Payload, words: tuple[str, ...], loses: bool
) -> None:
    with upload_app(tmp_path / "store", loses=loses) as app:
        given = [str(app.folder) if word == "STORE" else word for word in words]
        outcomes = uploaded(client, app, payload, "--expect-status", "200", *given)
        assert {outcome.status for outcome in outcomes} == ({"wrong"} if loses else {"ok"}), outcomes
        assert {outcome.stored_bytes for outcome in outcomes} == {MIB // 2 if loses else MIB}


@pytest.mark.parametrize("words", [("--stored-url", "{location}"), ("--stored-dir", "STORE")])
def test_a_file_that_is_nowhere_is_lost(
    tmp_path: Path, client: Client, payload: Payload, words: tuple[str, ...]
) -> None:
    with upload_app(tmp_path / "store", drops=True) as app:
        given = [str(app.folder) if word == "STORE" else word for word in words]
        outcomes = uploaded(client, app, payload, "--expect-status", "200", *given)
        assert {(outcome.status, outcome.stored_bytes) for outcome in outcomes} == {("wrong", 0)}


RULES = {
    ("--expect-json", "ok=true"): "unverified",
    ("--expect-json", "data.0.state=stored"): "unverified",
    ("--expect-json", "ok=false"): "refused",
    ("--expect-text", '"state": "st.red"'): "unverified",
    ("--expect-text", "no such words"): "refused",
    ("--expect-status", "201,202"): "refused",
    ("--expect-status", "200-204", "--expect-json", "count=3"): "unverified",
}


@pytest.mark.parametrize(("words", "status"), RULES.items(), ids=" ".join)
def test_success_is_what_the_user_says(
    tmp_path: Path, client: Client, payload: Payload, words: tuple[str, ...], status: str
) -> None:
    says = {"ok": True, "data": [{"state": "stored"}], "count": 3}
    with upload_app(tmp_path / "store", says=says) as app:
        for outcome in uploaded(client, app, payload, *words):
            assert outcome.status == status
            if status == "refused":
                assert "expected" in str(outcome.error) or "does not match" in str(outcome.error)


def test_no_answer_leads_the_client_to_another_host(tmp_path: Path, client: Client, payload: Payload) -> None:
    with upload_app(tmp_path / "b") as other:
        says = {"url": f"{other.url}/files/1.bin", "ok": True}
        with upload_app(tmp_path / "store", says=says) as app:
            words = ("--expect-status", "200", "--stored-url", "{url}", "--cleanup-url", "{url}")
            for outcome in uploaded(client, app, payload, *words):
                assert (outcome.status, outcome.removed) == ("wrong", False)
                assert "points to another host" in str(outcome.error)
            assert other.methods == []


@pytest.mark.parametrize("value", ["../../admin", "/x/../../admin", "a/../../../etc"])
def test_a_value_in_mid_template_stays_there(
    tmp_path: Path, client: Client, payload: Payload, value: str
) -> None:
    with upload_app(tmp_path / "store", says={"ok": True, "path": value}) as app:
        words = ("--expect-status", "200", "--stored-url", "/files/{path}", "--clean-up")
        for outcome in uploaded(client, app, payload, *words):
            assert (outcome.status, outcome.removed) == ("wrong", False)
        assert [method for method in app.methods if method.startswith(("GET", "DELETE"))] == []
