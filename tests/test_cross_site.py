"""No web page of another site may use a server of the lab, whatever stands in front of the app."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page

from .helpers import DEPLOYMENTS, wait_until
from .running import Lab

pytestmark = pytest.mark.slow

STREAM = "/request-stream"
EVIL = "http://evil.example"
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.1.2.3",
    "[2001:db8::1]:{port}",
    "EVIL.EXAMPLE.",
    "ev%2eil",
    "a;b",
]
WHOLE_HOSTS = ["evil.example"]
"""Sent to every route; how the others are written matters to no route."""
ASKED = [
    ("PUT", STREAM),
    ("GET", "/healthz"),
    ("GET", "/usage"),
    ("POST", "/usage/reset"),
    ("DELETE", f"/uploads/{'0' * 32}"),
]
NO_HOSTS = [
    "evil@localhost",
    "localhost:80.evil.example",
    "localhost:name",
    "[evil]",
    "127.0.0.1,evil.example",
]
OWN_HOSTS = [
    "127.0.0.1:{port}",
    "127.0.0.1:1",
    "127.1.2.3",
    "localhost",
    "LOCALHOST:{port}",
    "localhost.",
    "app.localhost:{port}",
    "0.0.0.0",
    "[::1]:{port}",
    "uwsgi-tuned:8000",
]
FOREIGN_PAGES: list[dict[str, str]] = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1.evil.example"},
    {"Origin": f"{EVIL}:{{port}}", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "chrome-extension://abcdefgh"},
    {"Origin": "chrome-extension://127.0.0.1"},
    {"Origin": "http://evil.example\\@127.0.0.1"},
    {"Origin": "http://evil.example@127.0.0.1"},
    {"Origin": "http://127.0.0.1#evil.example"},
    {"Origin": "//127.0.0.1"},
    {"Origin": "http://127.0.0.1:port"},
    {"Sec-Fetch-Site": "Cross-Site"},
    {"Sec-Fetch-Site": "cross-site, none"},
    {"Sec-Fetch-Site": "cross-site;a=b", "Origin": "http://127.0.0.1:{port}"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
]
WHOLE_PAGES: list[dict[str, str]] = [{"Origin": EVIL}, {"Sec-Fetch-Site": "cross-site"}]
"""Sent to every route; how the others are written matters to no route."""
OWN_PAGES: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:{port}"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8080"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "", "Origin": ""},
]


def ask(lab: Lab, name: str, verb: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of an answer; ``{port}`` in a header is the server's."""
    place = urlsplit(lab.target(DEPLOYMENTS[name]).url)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    body = b"some bytes" if verb in ("POST", "PUT") else None
    filled = {key: value.format(port=place.port) for key, value in headers.items()}
    connection.request(verb, path, body, filled)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_foreign_host_is_misdirected(lab: Lab, name: str) -> None:
    for host in FOREIGN_HOSTS:
        for verb, path in ASKED if host in WHOLE_HOSTS else ASKED[:1]:
            assert ask(lab, name, verb, path, {"Host": host})[0] == 421, (host, verb, path)
    assert lab.stored_files(name) == []


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_what_is_no_host_is_refused(lab: Lab, name: str) -> None:
    for host in NO_HOSTS:
        assert ask(lab, name, "PUT", STREAM, {"Host": host})[0] in (400, 421), host
    assert lab.stored_files(name) == []


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_host_that_comes_twice_is_refused(lab: Lab, name: str) -> None:
    place = urlsplit(lab.target(DEPLOYMENTS[name]).url)
    for hosts in (("evil.example", "127.0.0.1"), ("127.0.0.1", "evil.example")):
        connection = http.client.HTTPConnection(place.netloc, timeout=60)
        connection.putrequest("PUT", STREAM, skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        assert connection.getresponse().status in (400, 421), hosts
    assert lab.stored_files(name) == []


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_host_of_a_whole_address_counts(lab: Lab, name: str) -> None:
    for verb, path in (("PUT", STREAM), ("GET", "/usage")):
        assert ask(lab, name, verb, f"http://evil.example{path}", {"Host": "127.0.0.1"})[0] == 421, verb
        if name != "flask":  # Werkzeug puts it in the header's place, as RFC 9112, 3.2.2, asks for
            assert ask(lab, name, verb, f"http://127.0.0.1{path}", {"Host": "evil.example"})[0] == 421, verb
    assert lab.stored_files(name) == []


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_names_of_this_host_and_of_services_are_answered(lab: Lab, name: str) -> None:
    for host in OWN_HOSTS:
        assert ask(lab, name, "GET", "/healthz", {"Host": host})[0] == 200, host


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_page_of_another_site_stores_reads_and_removes_nothing(lab: Lab, name: str) -> None:
    kept = json.loads(ask(lab, name, "PUT", STREAM, {})[1] or b"{}").get("id", "0" * 32)
    everywhere = [("PUT", STREAM), ("POST", "/request-files"), ("POST", "/stream-pass-to-next"),
                  ("POST", "/usage/reset"), ("OPTIONS", STREAM), ("GET", "/usage"),
                  ("GET", f"/uploads/{kept}"), ("DELETE", f"/uploads/{kept}")]  # fmt: skip
    for headers in FOREIGN_PAGES:
        for verb, path in everywhere if headers in WHOLE_PAGES else everywhere[:1]:
            if (name, verb) != ("raw-sink", "OPTIONS"):  # which has no such method
                assert ask(lab, name, verb, path, headers)[0] == 403, (headers, verb, path)
    assert len(lab.stored_files(name)) == 1
    lab.clear()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_page_of_the_same_host_and_a_program_may_upload(lab: Lab, name: str) -> None:
    for headers in OWN_PAGES:
        assert ask(lab, name, "PUT", STREAM, headers)[0] == 201, headers
        lab.clear()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_link_may_be_followed_and_a_form_may_not_be_sent(lab: Lab, name: str) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(lab, name, "GET", "/healthz", link)[0] == 200
    assert ask(lab, name, "PUT", STREAM, link)[0] == 403
    assert ask(lab, name, "GET", "/healthz", {**link, "Host": "evil.example"})[0] == 421


@pytest.mark.parametrize("name", [name for name, one in DEPLOYMENTS.items() if one.tier != "stock"])
def test_a_refusal_has_its_reason(lab: Lab, name: str) -> None:
    for headers, words in (({"Host": "evil.example"}, "ALLOWED_HOSTS"), ({"Origin": EVIL}, "another site")):
        assert words in json.loads(ask(lab, name, "PUT", STREAM, headers)[1])["error"]


@contextmanager
def serving_a_page() -> Iterator[str]:
    """Yield the address of an empty page at another host than 127.0.0.1."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


IN_CHROMIUM = ["nginx-uwsgi-streaming", "raw-sink", "nginx-dav"]
"""Each that decides by itself. Chromium sends the same headers to each; the tests above send these to all."""
SEND = """async ([url, mode]) => {
    try { return (await fetch(url, {method: "POST", mode, body: new Blob(["from a page"])})).status }
    catch (error) { return -1 }
}"""
"""Status of an upload as a page sees it: 0 where it may not see, -1 where the browser gave up."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.mark.parametrize("name", IN_CHROMIUM)
def test_chromium_uploads_from_pages_of_the_server_alone(lab: Lab, page: Page, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    verb = "PUT" if name == "nginx-dav" else "POST"
    page.goto(f"{url}/healthz")
    assert page.evaluate(SEND.replace("POST", verb), [url + STREAM, "cors"]) == 201
    lab.clear()
    with serving_a_page() as elsewhere:
        page.goto(elsewhere)
        assert page.evaluate(SEND, [url + STREAM, "no-cors"]) <= 0  # sent, and its answer is not shown
        assert page.evaluate(SEND, [url + STREAM, "cors"]) == -1
        page.set_content(f'<form method="post" enctype="text/plain" action="{url}{STREAM}"><button>')
        with page.expect_response(lambda answer: answer.url == url + STREAM) as found:
            page.click("button")
        assert found.value.status == 403
    wait_until(lambda: requests.get(f"{url}/healthz", timeout=60).json()["uploads_in_progress"] == 0)
    assert lab.stored_files(name) == []
