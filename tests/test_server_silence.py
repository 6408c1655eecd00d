"""Tuned servers of the group `servers`: a client that is silent in mid-body gives its place back."""

import select
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from uploadlab.declared.compose import load_needs
from uploadlab.model.deployments import Target
from uploadlab.paths import COMPOSE
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client

from .helpers import ALL_DEPLOYMENTS, need
from .test_silence import SILENT_PUTS, silent_clients

pytestmark = pytest.mark.slow

TUNED = [
    made
    for made in ALL_DEPLOYMENTS.values()
    # granian 2.8 waits for ever: it has no setting for it, as its config says.
    if (made.group, made.tier) == ("servers", "tuned") and made.name != "granian-tuned"
]
IN_MID_BODY = ("in its body", "in a chunk")
"""A client that is silent before holds no thread of these servers."""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Target]]:
    """All of them at once, which wait a second for a client."""
    need(*{package for made in TUNED for package in made.needs})
    folder = tmp_path_factory.mktemp("silence")
    with Processes() as processes:
        scratch = Scratch.make(processes, folder, "silence")
        runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE), {"SILENCE_SECONDS": "1"})
        targets = runtime.start(TUNED)
        client = Client(processes)
        for target in targets:
            _, why = client.wait_healthy(target, 120, partial(runtime.explain, target.name))
            assert why == ""
        yield targets


def test_a_client_that_is_silent_in_mid_body_is_cut_off(impatient: list[Target]) -> None:
    answers: dict[tuple[str, str], bytes] = {}
    with ExitStack() as held:
        waiting = {}
        for name, url in [(target.name, target.url) for target in impatient]:
            for where in IN_MID_BODY:
                (client,) = held.enter_context(silent_clients(url, SILENT_PUTS[where], 1))
                waiting[client] = (name, where)
        while waiting:
            said = select.select(list(waiting), [], [], 120)[0]
            assert said, f"still held: {sorted(waiting.values())}"
            for client in said:
                found = waiting[client]
                answers[found] = answers.get(found, b"") + (block := client.recv(4096))
                if not block:
                    del waiting[client]
    for found, answer in answers.items():
        assert answer.partition(b"\r\n")[0].split(b" ")[1:2] in ([], [b"408"]), found
