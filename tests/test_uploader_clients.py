"""client/uploader.py --client: another client sends, to the same route."""

from pathlib import Path

import pytest

from .fake_server import serve
from .helpers import need
from .test_scripts import fails, uploader

STORED = {"size_bytes": 3, "digest": "06b05ab6733a618578af5f94892f3950"}
"""Of ``abc``."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(b"abc")
    return tmp_path


@pytest.mark.parametrize("method", ["request.stream", "multipart-push"])
def test_another_client_sends_to_the_same_route(folder: Path, method: str) -> None:
    need("curl")
    with serve(POST=(201, {"id": "x"}), GET=(200, STORED)) as fake:
        done = uploader("a", "-t", method, "--client", "curl", "--url", fake.url, folder=folder)
    assert done.returncode == 0, done.stderr
    assert f"File a uploaded using {method} by curl." in done.stdout


def test_what_the_server_refuses_is_reported_as_ever(folder: Path) -> None:
    need("curl")
    secret = "a-token-that-nobody-may-see"
    with serve(POST=(413, {"error": "too large"})) as fake:
        done = uploader("a", "--client", "curl", "--url", f"{fake.url}/?token={secret}", folder=folder)
    fails(done, 1, f"a was not uploaded to {fake.url}/request-stream: refused: too large")
    assert secret not in done.stdout + done.stderr


def test_a_client_that_cannot_send_so_says_why(folder: Path) -> None:
    fails(uploader("a", "--client", "htpx", folder=folder), 2, "did you mean 'httpx'?")
    words = ["-t", "request.stream-chunked", "--client", "chromium"]
    done = uploader("a", *words, folder=folder)
    fails(done, 2, "--client chromium cannot send request.stream-chunked: ")
    fails(done, 2, "; choose another -t or --client")
    done = uploader("a", "--client", "curl", folder=folder, PATH=str(folder))
    fails(done, 1, "unavailable: curl is not installed: ./scripts/install clients may fix that")
