"""A file that becomes shorter or longer while it is sent, by every method."""

import os
from pathlib import Path

import pytest
from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.model.measurements import Status
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify
from uploadlab.units import MIB

from .helpers import need
from .receiving import receive

pytestmark = pytest.mark.slow

SIZE_BYTES, SHORTER_BYTES = 48 * MIB, 40 * MIB
"""No socket takes that much unread: the client is in mid-upload when the file changes."""
IN_MEMORY = "request.files"
STREAMED = [name for name in METHODS if name != IN_MEMORY]


@pytest.fixture
def large(tmp_path: Path) -> Payload:
    return write_payload(tmp_path / "big.bin", SIZE_BYTES)


def lengthen(payload: Payload) -> None:
    with open(payload.path, "ab") as file:
        file.write(b"more" * MIB)


@pytest.mark.parametrize("name", STREAMED)
def test_a_file_that_becomes_shorter_fails_at_once(name: str, large: Payload) -> None:
    need(*["curl"] if METHODS[name].curl else [])
    with receive(lambda: os.truncate(large.path, SHORTER_BYTES)) as received:
        outcome = upload(received.url, METHODS[name], large, 600).outcome
    assert outcome.status is Status.FAILED
    had = f"after {SHORTER_BYTES} of its {SIZE_BYTES} bytes"
    assert outcome.error == f"{large.path} ended {had}: send it again when nothing changes it"
    assert received.files == []


@pytest.mark.parametrize("name", STREAMED)
def test_of_a_file_that_becomes_longer_the_announced_bytes_are_sent(name: str, large: Payload) -> None:
    need(*["curl"] if METHODS[name].curl else [])
    content = Path(large.path).read_bytes()
    with receive(lambda: lengthen(large)) as received:
        outcome = verify(received.url, upload(received.url, METHODS[name], large, 600), large)
    assert (outcome.status, outcome.error) == (Status.OK, None)
    assert received.files == [content]


def test_a_form_in_memory_holds_the_file_as_it_was(large: Payload) -> None:
    content = Path(large.path).read_bytes()
    with receive(lambda: os.truncate(large.path, 0)) as received:
        outcome = verify(received.url, upload(received.url, METHODS[IN_MEMORY], large, 600), large)
    assert outcome.status is Status.OK
    assert received.files == [content]


@pytest.mark.parametrize("name", METHODS)
def test_a_file_that_was_shorter_before_is_not_sent(name: str, large: Payload) -> None:
    need(*["curl"] if METHODS[name].curl else [])
    os.truncate(large.path, MIB)
    with receive() as received:
        outcome = verify(received.url, upload(received.url, METHODS[name], large, 600), large)
    assert outcome.status in (Status.FAILED, Status.WRONG)
