"""A line is never held as a whole: its server reads and writes it in pieces."""

import io
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests
from uploadlab.catalogue.methods import methods_at
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS
from .running import Lab
from .test_app import client

ROUTE = "/request-stream?reader=lines"
LINES = [name for name, made in DEPLOYMENTS.items() if "request.stream-lines" in methods_at(made)]
WITHOUT_LINES = ["uwsgi-default", "nginx-uwsgi", "nginx-uwsgi-streaming"]
"""Werkzeug reads each line byte by byte there, as it does in flask, so that no server sees a line."""
BYTEWISE = ["flask"]
"""Where it takes 4 CPU seconds a MiB: the body is as short as shows it."""
CHUNKED = ["uwsgi-chunked", "uwsgi-tuned", "gunicorn", "gunicorn-gthread"]


class Counting(io.BytesIO):
    """A server's input that remembers its longest line."""

    longest = 0

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        self.longest = max(self.longest, len(line))
        return line


@pytest.mark.parametrize(("block", "longest"), [("1000", 1000), ("1048576", 70_000)])
def test_a_line_is_read_up_to_the_apps_block(tmp_path: Path, block: str, longest: int) -> None:
    content = b"short\n" + b"x" * 69_999 + b"\nand no line break at the end"
    wire = Counting(content)
    environ = {"wsgi.input": wire, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(content))}
    answer = client(tmp_path, BLOCK_SIZE=block).put(ROUTE, environ_overrides=environ)
    assert answer.status_code == 201
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == content
    assert wire.longest == longest


def peaks(url: str) -> dict[int, Any]:
    processes = requests.get(f"{url}/usage", timeout=60).json()["processes"]
    return {process["pid"]: process["peak_rss_bytes"] for process in processes}


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * MIB


WAYS = [(name, "announced") for name in LINES] + [(name, "chunked") for name in LINES if name in CHUNKED]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "framing"), WAYS)
def test_a_body_without_a_line_break_is_not_held_in_memory(lab: Lab, name: str, framing: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    route = ROUTE.partition("?")[0] if name in WITHOUT_LINES else ROUTE
    count, most = (5, 4) if name in BYTEWISE else (32, 20)  # an app's block of 1 MiB takes up to 8 MiB
    assert requests.put(f"{url}{route}", data=b"warm up", timeout=60).status_code == 201
    requests.post(f"{url}/usage/reset", timeout=60)
    before = peaks(url)
    if None in before.values():
        pytest.skip("peaks of memory cannot be reset here")
    # Not by requests, which sends what comes in pieces as chunks.
    connection = HTTPConnection(url.removeprefix("http://"), timeout=900)
    headers = {"Content-Length": str(count * MIB)} if framing == "announced" else {}
    connection.request("PUT", route, pieces(count), headers)
    with connection.getresponse() as answer:
        assert (answer.status, json.load(answer)["size_bytes"]) == (201, count * MIB)
    after = peaks(url)
    assert max(after[pid] - before.get(pid, after[pid]) for pid in after) < most * MIB
    requests.delete(f"{url}{answer.headers['Location']}", timeout=60)
    connection.close()
