"""The page of all runs: the viewer's nginx as it is, but for its port, and the page in a real browser."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from .browser import shut_out
from .viewing import make_run, quiet_page, row, viewer

NEWEST, OLDER, TENTH, NINTH, DAMAGED, UNTOLD = (
    "20270102-000000-quick",
    "20270101-000000-full",
    "20260131-120000-quick-10",
    "20260131-120000-quick-9",
    "20260130-120000-quick",
    "20260129-120000-quick",
)
HOSTILE = "<script>document.title='run'<%2F\"&?#"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("viewer")
    runs = folder / "benchmark" / "runs"
    for name in (NINTH, TENTH):
        make_run(runs, name)
    make_run(runs, OLDER, plan="<b>bold</b>")
    calls = "profiles/flask/request.stream"
    files = [f"{calls}/calls.txt", f"{calls}/calls.pstats", f"{calls}/samples.html", "logs/flask.log"]
    newest = make_run(runs, NEWEST, "report.html", "measurements.jsonl", *files)
    (make_run(runs, DAMAGED) / "run.json").write_text('{"plan": "quick", ')
    (make_run(runs, UNTOLD) / "run.json").unlink()
    (make_run(runs, HOSTILE, f"{HOSTILE}.txt") / "run.json").write_text("[]")
    os.utime(runs / HOSTILE, (0, 0))
    (folder / "benchmark" / "data").mkdir()
    (folder / "benchmark" / "data" / "upload").write_text("secret")
    (newest / "link").symlink_to(folder / "benchmark" / "data" / "upload")
    (newest / "links").symlink_to(folder / "benchmark" / "data")
    with viewer(folder) as answers:
        yield answers


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with quiet_page(browser) as opened:
        yield opened


def test_a_folders_list_is_json(url: str) -> None:
    found = requests.get(f"{url}/list/{NEWEST}/", timeout=60)
    assert found.headers["Content-Type"] == "application/json"
    kinds = {one["name"]: one["type"] for one in found.json()}
    assert (kinds["report.html"], kinds["profiles"]) == ("file", "directory")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("report.html", "text/html; charset=utf-8"),
        ("profiles/flask/request.stream/samples.html", "text/html; charset=utf-8"),
        ("profiles/flask/request.stream/calls.txt", "text/plain; charset=utf-8"),
        ("profiles/flask/request.stream/calls.pstats", "application/octet-stream"),
        ("logs/flask.log", "text/plain; charset=utf-8"),
        ("measurements.jsonl", "text/plain; charset=utf-8"),
        ("run.json", "application/json"),
    ],
)
def test_files_are_served_as_what_they_are(url: str, file: str, kind: str) -> None:
    answer = requests.get(f"{url}/runs/{NEWEST}/{file}", timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts allow-downloads; ")
    assert requests.head(answer.url, timeout=60).headers["Content-Type"] == kind


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MKCOL"])
@pytest.mark.parametrize("path", ["/", "/list/", f"/runs/{NEWEST}/report.html"])
def test_it_can_only_be_read(url: str, method: str, path: str) -> None:
    assert requests.request(method, url + path, timeout=60).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        f"/runs/{NEWEST}/link",
        f"/runs/{NEWEST}/links/upload",
        f"/list/{NEWEST}/links/",
        f"/list/{NEWEST}/links/upload",
        "/runs/../data/upload",
        "/runs/%2e%2e/data/upload",
        "/runs/..%2fdata/upload",
        "/list/../data/",
        "/list../data/upload",
        "/runs/../../../etc/passwd",
        "/data/upload",
        "/benchmark/data/upload",
        "/nginx.conf",
        "/services/viewer/nginx.conf",
    ],
)
def test_nothing_outside_the_runs_is_shown(url: str, path: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:  # requests would tidy the path
        raw.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.split()[1] in (b"400", b"403", b"404"), answer
    assert b"secret" not in answer
    assert b"nosniff" in answer


def test_a_folder_without_its_slash_is_found_at_the_port_that_was_asked(url: str) -> None:
    answer = requests.get(
        f"{url}/runs/{NEWEST}", headers={"Host": "lab.localhost:8080"}, allow_redirects=False, timeout=60
    )
    assert answer.headers["Location"] == f"/runs/{NEWEST}/"


def test_runs_are_listed_newest_first_with_what_is_known_of_them(url: str, page: Page) -> None:
    page.goto(url)
    expect(page.get_by_role("status")).to_have_text("7 runs, newest first")
    names = page.locator("li > a").all_inner_texts()
    assert names == [NEWEST, OLDER, TENTH, NINTH, DAMAGED, UNTOLD, HOSTILE]
    expect(row(page, NEWEST)).to_contain_text("31 Jan 2026, 13:00 · quick · local · 2\u00a0cores of EPYC")
    expect(row(page, NEWEST)).not_to_contain_text("no report")
    expect(row(page, NINTH)).to_contain_text("no report")
    expect(row(page, OLDER)).to_contain_text("<b>bold</b>")
    expect(row(page, DAMAGED)).to_contain_text("run.json is damaged")
    expect(row(page, UNTOLD)).to_contain_text("No run.json")
    expect(row(page, HOSTILE)).to_contain_text("run.json is damaged")
    expect(page).to_have_title("Upload Lab: runs")


def test_a_runs_name_opens_its_report(url: str, page: Page) -> None:
    page.goto(url)
    expect(row(page, NEWEST)).to_contain_text("EPYC")
    for _ in range(6):  # four filters, and the checkbox of the run
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=NEWEST, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("p")).to_have_text("report.html")


def test_a_run_without_a_report_opens_its_files_whatever_their_names(url: str, page: Page) -> None:
    page.goto(url)
    page.get_by_role("link", name=HOSTILE, exact=True).click()
    expect(page.get_by_role("heading")).to_have_text(f"Runs / {HOSTILE}")
    page.get_by_role("link", name=f"{HOSTILE}.txt").click()
    expect(page.locator("body")).to_have_text(f"<p>{HOSTILE}.txt</p>")


def test_profiles_are_found_from_folder_to_folder_and_back(url: str, page: Page) -> None:
    page.goto(url)
    page.get_by_role("link", name=f"Profiles of {NEWEST}").click()
    page.get_by_role("link", name="flask/").click()
    page.get_by_role("link", name="request.stream/").click()
    expect(page.get_by_role("heading")).to_have_text(f"Runs / {NEWEST} / profiles / flask / request.stream")
    expect(page.get_by_role("listitem").filter(has_text="calls.txt")).to_contain_text("46 B")
    page.get_by_role("link", name="profiles", exact=True).click()
    expect(page.get_by_role("link", name="flask/")).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("7 runs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", f"/runs/{NEWEST}/", f"/runs/{NEWEST}/profiles/flask/request.stream/"])
def test_everyone_can_read_it_on_a_phone_too(url: str, browser: Browser, path: str, scheme: Any) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 700}) as context:
        page = context.new_page()
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert shut_out(page) == []


def test_of_hundreds_of_runs_only_those_near_are_asked_for_more(tmp_path: Path, page: Page) -> None:
    for number in range(500):
        make_run(tmp_path / "benchmark" / "runs", f"20260101-{number:06}-quick", "report.html")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with viewer(tmp_path) as url:
        page.goto(url)
        expect(page.get_by_role("listitem")).to_have_count(500)
        expect(row(page, "20260101-000499-quick")).to_contain_text("EPYC")
        page.wait_for_load_state("networkidle")
        assert len(asked) < 100
        last = row(page, "20260101-000000-quick")
        last.scroll_into_view_if_needed()
        expect(last).to_contain_text("EPYC")
        assert page.get_by_role("link", name="20260101-000000-quick", exact=True).get_attribute("href") == (
            "/runs/20260101-000000-quick/report.html"
        )


@pytest.mark.parametrize("made", [False, True])
def test_where_no_run_is_yet_it_says_how_to_make_one(tmp_path: Path, page: Page, made: bool) -> None:
    if made:
        (tmp_path / "benchmark" / "runs").mkdir(parents=True)
    with viewer(tmp_path) as url:
        page.goto(url)
        expect(page.get_by_role("status")).to_contain_text("No runs yet: ./scripts/run-matrix.sh makes one")


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "chmod -R a+rX benchmark"), (404, "no such folder"), (0, "docker compose up -d")],
)
def test_what_is_wrong_with_a_folder_is_said(url: str, browser: Browser, status: int, said: str) -> None:
    with browser.new_page() as page:
        page.route("**/list/**", lambda route: route.fulfill(status=status) if status else route.abort())
        page.goto(f"{url}/runs/{NEWEST}/")
        expect(page.get_by_role("status")).to_contain_text(said)
