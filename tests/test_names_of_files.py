"""No name in a URL, a header or a form reaches a file beside the uploads, at any deployment."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .helpers import DEPLOYMENTS
from .running import Lab

pytestmark = pytest.mark.slow

SECRET = b"nobody asked for this"
NAMES = [
    "../{secret}",
    "..%2f{secret}",
    "%2e%2e/{secret}",
    "%2e%2e%2f{secret}",
    "..%252f{secret}",
    "..\\{secret}",
    "..%5c{secret}",
    "tmp/../../{secret}",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "....//{secret}",
    "{secret}%00",
    "..;/{secret}",
    "%c0%ae%c0%ae/{secret}",
]
FORGED = [
    "Upload-File",
    "Upload_File",
    "UPLOAD_FILE",
    "X-Upload-File",
    "Http-Upload-File",
    "Upload-Length",
    "Wsgi.Input",
    "Script-Name",
    "Path-Info",
    "Document-Root",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Accel-Redirect",
    "X-Sendfile",
    "Uwsgi-File",
    "UWSGI_FILE",
    "UWSGI_SCRIPT",
    "Uwsgi-Chdir",
]


def ask(url: str, verb: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request(verb, path, b"some bytes" if verb == "PUT" else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture
def secret(lab: Lab) -> Path:
    """A file beside the folders of the uploads."""
    path = lab.data / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.mark.parametrize("name", DEPLOYMENTS)
@pytest.mark.parametrize("route", ["/uploads/", "/profiles/", f"/profiles/{'0' * 32}/", "/", "/stored/"])
def test_a_path_leads_to_no_file(lab: Lab, secret: Path, name: str, route: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for written in NAMES:
        path = route + written.format(secret=secret.name)
        for verb in ("GET", "DELETE"):
            status, body = ask(url, verb, path, {})
            assert 400 <= status < 500 or status == 308, (
                verb,
                path,
            )  # Werkzeug sends on to one slash in place of two
            assert SECRET not in body and b"root:" not in body
    assert secret.read_bytes() == SECRET


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_header_names_no_file(lab: Lab, secret: Path, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for header in FORGED:
        status, _ = ask(url, "PUT", "/request-stream", {header: str(secret)})
        assert status in (201, 400), header
        assert [path.read_bytes() for path in lab.stored_files(name)] == [b"some bytes"] * (status == 201)
        lab.clear()
        assert ask(url, "GET", "/healthz", {header: str(secret)})[0] in (200, 400), header
    assert secret.read_bytes() == SECRET


@pytest.mark.parametrize("name", [name for name, one in DEPLOYMENTS.items() if one.tier != "reference"])
@pytest.mark.parametrize(
    "next_hop", ["http://127.0.0.1:1", "127.0.0.1", "../x", "//x", "uwsgi-tuned@x", "nobody", "%00"]
)
def test_the_relay_goes_only_where_the_server_names(lab: Lab, name: str, next_hop: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for verb, path in (("PUT", "/stream-pass-to-next"), ("GET", f"/uploads/{'0' * 32}")):
        assert ask(url, verb, f"{path}?next={next_hop}", {})[0] in (400, 403), (verb, path)
    assert lab.stored_files(name) == []
