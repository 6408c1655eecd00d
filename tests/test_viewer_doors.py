"""Who may ask the viewer, and what a page in a run's folder may do."""

import json
import os
import socket
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from pyinstrument import Profiler
from uploadlab.declared.goals import load_goals
from uploadlab.paths import RATIOS, ROOT
from uploadlab.presenting import report

from .helpers import wait_until
from .report_runs import loaded_run
from .viewing import make_run, row, viewer

RUN, OTHER, LOADED = "20260101-000000-quick", "20260102-000000-quick", "20260103-000000-full"
CALLS = "profiles/flask/request.stream/calls.pstats"
SAMPLES = "profiles/flask/request.stream/samples.html"
SCRIPTS = sorted(f"/{path.name}" for path in (ROOT / "services" / "viewer").glob("*.js"))
SPY = """<!doctype html><title>spy</title>
<a href="profiles/flask/request.stream/calls.pstats">calls</a><pre></pre>
<script type="module">
const asks = {
  origin: async () => self.origin,
  list: () => fetch("/list/").then(answer => answer.text()),
  run: () => fetch("/runs/20260102-000000-quick/run.json").then(answer => answer.text()),
  storage: async () => localStorage.length,
  page: async () => open("/").document.title,
  frame: () => new Promise(done => {
    const frame = document.createElement("iframe")
    frame.onload = () => done(frame.contentDocument?.title)
    frame.src = "/"
    document.body.append(frame)
    setTimeout(() => done(""), 2000)
  }),
}
const found = {}
for (const [name, ask] of Object.entries(asks)) {
  try { found[name] = await ask() ?? "" } catch (error) { found[name] = "" }
}
document.querySelector("pre").textContent = JSON.stringify(found)
</script>"""


def pyinstruments_page() -> str:
    """As the lab's profiles have it."""
    with Profiler(interval=0.001) as profiler:
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            sorted(range(1000))
    return str(profiler.output_html())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("viewer")
    runs = folder / "benchmark" / "runs"
    made = make_run(runs, RUN, CALLS, ".hidden", "kept/.git/config", "a.svg", "a.js")
    (made / "spy.html").write_text(SPY)
    (made / SAMPLES).write_text(pyinstruments_page())
    os.mkfifo(made / "pipe")
    make_run(runs, OTHER)
    make_run(runs, ".half-written", "report.html")
    loaded = loaded_run(runs / LOADED)
    report.write_page(loaded, report.document_of(loaded, load_goals(RATIOS)))
    with viewer(folder) as answers:
        yield answers


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.:1",
        "lab.localhost:8080",
        "127.0.0.1",
        "127.1.2.3:99",
        "[::1]:8080",
        "viewer:8000",
    ],
)
def test_the_names_of_loopback_and_its_own_are_answered(url: str, host: str) -> None:
    assert requests.get(f"{url}/list/", headers={"Host": host}, timeout=60).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "viewer.evil.example",
        "192.0.2.1:8080",
        "0.0.0.0:8080",
        "[::2]:8080",
    ],
)
@pytest.mark.parametrize("path", ["/", "/list/", f"/runs/{RUN}/run.json"])
def test_a_name_that_a_stranger_can_point_here_is_not_answered(url: str, host: str, path: str) -> None:
    answer = requests.get(url + path, headers={"Host": host}, timeout=60)
    assert answer.status_code == 421
    assert "open http://localhost:PORT/" in answer.text
    assert "quick" not in answer.text


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /list/ HTTP/1.0", b"200"),
        ("GET http://localhost/list/ HTTP/1.0\r\nHost: localhost:8080", b"200"),
        ("GET http://localhost/list/ HTTP/1.0\r\nHost: evil.example", b"421"),
        ("GET http://evil.example/list/ HTTP/1.0\r\nHost: localhost", b"421"),
        ("GET /list/ HTTP/1.0\r\nHost: localhost:80.evil.example", b"421"),
    ],
)
def test_no_browser_names_two_hosts_or_none(url: str, head: str, status: bytes) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(f"{head}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.split()[1] == status


OTHERS = ("cross-site", "same-site")
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
IMAGE = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
FRAME = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    "asked",
    [
        *(
            {"Sec-Fetch-Site": site, **how}
            for site in ("cross-site", "same-site")
            for how in (FETCH, IMAGE, FRAME)
        ),
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "Cross-Site"},
        {"Sec-Fetch-Site": "cross-site;a=b", "Origin": "http://127.0.0.1:1"},
    ],
)
def test_what_a_page_of_another_site_asks_is_refused(url: str, asked: dict[str, str]) -> None:
    for path in ("/", "/list/", f"/runs/{RUN}/run.json", f"/runs/{RUN}/spy.html"):
        answer = requests.get(url + path, headers=asked, timeout=60)
        assert (answer.status_code, "quick" in answer.text) == (403, False)


def test_what_its_own_page_asks_and_what_is_typed_or_followed_is_answered(url: str) -> None:
    for asked in (
        {"Sec-Fetch-Site": "same-origin", **FETCH},
        {"Sec-Fetch-Site": "same-origin", "Origin": url},
        {"Sec-Fetch-Site": "none", **LINK},
        {"Sec-Fetch-Site": "cross-site", **LINK},
    ):
        assert requests.get(f"{url}/list/", headers=asked, timeout=60).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        f"/runs/{RUN}/.hidden",
        f"/runs/{RUN}/%2ehidden",
        f"/runs/{RUN}/kept/.git/config",
        f"/list/{RUN}/kept/.git/",
        f"/list/{RUN}/kept/%2Egit/",
        "/runs/.half-written/report.html",
        "/list/.half-written/",
        f"/runs/{RUN}/pipe",
    ],
)
def test_what_is_hidden_or_no_file_is_not_served(url: str, path: str) -> None:
    assert requests.get(url + path, timeout=60).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        *SCRIPTS,
        "/list/",
        "/none",
        f"/runs/{RUN}/",
        f"/runs/{RUN}/run.json",
        f"/runs/{RUN}/a.js",
        f"/runs/{RUN}/a.svg",
        f"/runs/{RUN}/spy.html",
        f"/runs/{RUN}/{SAMPLES}",
    ],
)
def test_no_other_site_may_use_an_answer(url: str, path: str) -> None:
    answer = requests.get(url + path, timeout=60)
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "default-src 'none'"} <= set(
        policy
    )
    assert ("sandbox allow-scripts allow-downloads" in policy) == (
        path.startswith("/runs/") and path[-1] != "/"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert path in SCRIPTS or kind not in ("text/javascript", "image/svg+xml")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(accept_downloads=True) as context:
        yield context.new_page()


def test_a_page_in_a_run_reads_no_other_run_and_not_the_viewer(url: str, page: Page) -> None:
    page.goto(f"{url}/runs/{RUN}/spy.html")
    expect(page.locator("pre")).not_to_be_empty()
    found = json.loads(page.locator("pre").inner_text())
    assert found == {"origin": "null", "list": "", "run": "", "storage": "", "page": "", "frame": ""}
    with page.expect_download() as download:
        page.get_by_role("link", name="calls").click()
    assert download.value.path().read_text() == f"<p>{CALLS}</p>"


def test_a_report_is_drawn_filtered_and_left_in_its_sandbox(url: str, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    row(page, LOADED).get_by_role("link").first.click()
    wait_until(lambda: drawn(page) > 0)
    assert page.evaluate("self.origin") == "null"
    marks = page.locator(".panel:not([hidden]) .mark-symbol path")
    before = (marks.count(), drawn(page))
    page.locator("input[name=deployment]").first.click()
    wait_until(lambda: drawn(page) > before[1])
    assert 0 < marks.count() < before[0]
    page.get_by_role("button", name="Show all").click()
    link = page.locator("a[href^='profiles/']").first
    page.locator("details", has=link).locator("summary").first.click()
    link.click()
    expect(page.locator("p")).to_have_text("flames")
    assert said == []


def drawn(page: Page) -> int:
    return int(page.evaluate("document.documentElement.dataset.drawn ?? 0"))


def test_pyinstruments_page_is_drawn_in_its_sandbox(url: str, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/runs/{RUN}/{SAMPLES}")
    expect(page.locator("#app")).to_contain_text("pyinstruments_page")
    assert errors == []


def test_a_link_on_another_site_opens_a_run(url: str, page: Page) -> None:
    page.goto(f"data:text/html,<a href='{url}/runs/{RUN}/'>run</a>")
    page.get_by_role("link", name="run").click()
    expect(page.get_by_role("link", name="run.json")).to_be_visible()
