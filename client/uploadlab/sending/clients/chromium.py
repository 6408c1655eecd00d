"""Chromium: a page of the server's own origin, in a browser without a window.

Each upload has a new profile, so that no connection is used twice. Playwright moves the browser; it sends
nothing itself. Chromium takes no CA file: where one is given, it does not check the certificate.
Its memory is the sum over its processes, which share much: before an upload that is already some 900 MB.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Response, async_playwright
from playwright.async_api import Error as PlaywrightError

from uploadlab.sending.clients.frame import HTTP2, Answer, Cannot, Upload, serve, unavailable, way
from uploadlab.sending.clients.tus_js import is_sent_by_tus_js, tus_js_package, tus_js_version

SWITCHES = [
    "--no-proxy-server",  # by default it takes the environment's, or the desktop's
    # By default a page that Playwright answers may not reach a local network, and TLS is tried first.
    "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades",
]
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<form method="post" enctype="multipart/form-data"></form>"""
"""Answered by Playwright in the server's place: not every server has a page."""
CHOOSE = """() => {
    const input = document.createElement("input");
    Object.assign(input, {type: "file", id: "file"});
    document.forms[0].append(input);
}"""
ANSWER = """
    const answer = (status, content, location) => {
        const seconds = (performance.now() - start) / 1000;
        const entry = performance.getEntriesByType("resource").filter(({name}) => name === url).at(-1);
        return {status, content, location, seconds, protocol: entry?.nextHopProtocol ?? ""};
    };
    const start = performance.now();
"""
FETCH = f"""async ({{url, verb, headers, field, name, others, how}}) => {{
    const file = document.getElementById("file").files[0];
    {ANSWER}
    let init = {{body: file}};
    if (how === "chunked") init = {{body: file.stream(), duplex: "half"}};
    if (how === "form") {{
        init = {{body: new FormData()}};
        for (const other of others) init.body.append(...other);
        init.body.append(field, file, name);
    }}
    const response = await fetch(url, {{method: verb, headers, ...init}});
    const content = await response.text();
    return answer(response.status, content, response.headers.get("location"));
}}"""
XHR = f"""({{url, verb, headers}}) => new Promise((resolve, reject) => {{
    const file = document.getElementById("file").files[0];
    {ANSWER}
    const request = new XMLHttpRequest();
    request.open(verb, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => {{
        resolve(answer(request.status, request.responseText, request.getResponseHeader("location")));
    }};
    request.onerror = () => reject(new TypeError("XMLHttpRequest: error"));
    request.send(file);
}})"""
TUS = f"""({{url, headers, name, how}}) => new Promise((resolve, reject) => {{
    const file = document.getElementById("file").files[0];
    {ANSWER}
    const answered = (response, location) =>
        resolve(answer(response.getStatus(), response.getBody(), location));
    const sending = new tus.Upload(file, {{
        endpoint: url, headers, metadata: {{filename: name}}, ...(how ? {{chunkSize: how}} : {{}}),
        onSuccess: ({{lastResponse}}) => answered(lastResponse, sending.url),
        onError: (error) => {{
            if (error.originalResponse) answered(error.originalResponse, null);
            else reject(error);
        }},
    }});
    sending.start();
}})"""
SUBMIT = """({url, field, name, others}) => {
    const form = document.forms[0], input = document.getElementById("file"), files = new DataTransfer();
    for (const [key, value] of others) {
        const hidden = document.createElement("input");
        Object.assign(hidden, {type: "hidden", name: key, value});
        form.prepend(hidden);
    }
    if (name !== input.files[0].name) {
        files.items.add(new File([input.files[0]], name));
        input.files = files.files;
    }
    input.name = field;
    form.action = url;
    form.submit();
}"""
NAVIGATED = """() => {
    const [{responseEnd, nextHopProtocol}] = performance.getEntriesByType("navigation");
    return {seconds: responseEnd / 1000, protocol: nextHopProtocol};
}"""
LACKS = {"expect": "a page cannot wait for 100 Continue"}
CHUNK_BYTES = 8 << 20
"""Of a resumable upload."""
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""What ends all requests when this host gets or loses a network interface, as whenever a container starts."""
EVENT_MS = 100
"""Until Playwright has said by what a request failed, which may be after the page has."""
TRIES = 5
"""Of an upload that ends so: that says nothing of client or server."""


class PageError(Exception):
    """An error in the page, in its words."""


class State:
    """The browser, and the page of the next upload."""

    browser: Browser | None = None
    page: Page
    fresh: tuple[str, ...] = ()
    """What the page is ready for; empty once it has been used."""


async def ready(upload: Upload) -> None:
    """Open a page of the server's origin, with the file chosen; raise Cannot."""
    if upload.source != "file":
        raise Cannot("a page gets a whole file, by its name")
    parts = urlsplit(upload.url)
    address = f"{parts.scheme}://{parts.netloc}/"
    is_tus = is_sent_by_tus_js(upload.way)
    wanted = (address, upload.path, "tus" if is_tus else "", *(upload.login or ()))
    if State.fresh == wanted:
        return
    if State.browser is None or not State.browser.is_connected():
        State.browser = await _launched()
    for old in State.browser.contexts:
        await old.close()
    credentials: Any = (
        dict(zip(("username", "password"), upload.login, strict=True)) if upload.login else None
    )
    context = await State.browser.new_context(
        ignore_https_errors=bool(upload.insecure or upload.ca_file), http_credentials=credentials
    )
    context.set_default_timeout(0)
    page = State.page = await context.new_page()
    await page.route(address, lambda route: route.fulfill(content_type="text/html", body=PAGE))
    await page.goto(address)
    await page.unroute_all()  # what is routed goes through Playwright
    await page.evaluate(CHOOSE)
    await page.set_input_files("#file", upload.path)
    if is_tus:
        await page.add_script_tag(path=tus_js_package() / "dist" / "tus.min.js")
    State.fresh = wanted


async def _launched() -> Browser:
    playwright = await async_playwright().start()
    return await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)


@contextlib.asynccontextmanager
async def session(upload: Upload) -> AsyncIterator[Page]:
    """Yield the page."""
    State.fresh = ()
    yield State.page


async def get(page: Page, url: str) -> None:
    """Use the connection once, by fetch."""
    await page.evaluate("async (url) => { await (await fetch(url)).text() }", url)


@way
async def stream(page: Page, upload: Upload) -> Answer:
    """Send the File of an `<input type=file>` by `fetch`."""
    return await _by_script(page, upload, FETCH)


@way
async def stream_xhr(page: Page, upload: Upload) -> Answer:
    """Send the File by `XMLHttpRequest.send()`, which can show the progress."""
    return await _by_script(page, upload, XHR)


@way
async def stream_h2(page: Page, upload: Upload) -> Answer:
    """Send as `stream` over TLS: by itself Chromium uses HTTP/2 if the server offers it."""
    return await stream(page, upload)


@way
async def chunked_h2(page: Page, upload: Upload) -> Answer:
    """Send `file.stream()` by `fetch` with `duplex: "half"`, over HTTP/2: the length is unknown."""
    return await _by_script(page, upload, FETCH, "chunked")


@way
async def form(page: Page, upload: Upload) -> Answer:
    """Send a FormData with the File by `fetch`."""
    return await _by_script(page, upload, FETCH, "form")


@way
async def form_docs(page: Page, upload: Upload) -> Answer:
    """Submit a form with the `<input type=file>`: the answer is the next page."""
    if upload.headers:
        raise Cannot("a form that is submitted has no headers of its own")
    response, page = await _submitted(page, upload)
    figures = await page.evaluate(NAVIGATED)
    location = await response.header_value("location")
    content = await response.body()
    return Answer(response.status, content, location, figures["seconds"], _protocol(figures["protocol"]))


@way
async def resumable(page: Page, upload: Upload) -> Answer:
    """Send the File by tus-js-client, all by one PATCH, as by default."""
    return await _by_script(page, upload, TUS)


@way
async def resumable_8m(page: Page, upload: Upload) -> Answer:
    """Send the File by tus-js-client with `chunkSize` of 8 MiB: a PATCH each."""
    return await _by_script(page, upload, TUS, CHUNK_BYTES)


CANNOT = {"chunked": "Chromium sends a stream over HTTP/2 only"}


async def _submitted(page: Page, upload: Upload) -> tuple[Response, Page]:
    """Submit the form; return the next page and its response."""
    for tries_left in reversed(range(TRIES)):
        try:
            async with page.expect_navigation(wait_until="load") as found:
                await page.evaluate(SUBMIT, upload._asdict())
            return await found.value, page
        except PlaywrightError as error:
            if NETWORK_CHANGED not in error.message or not tries_left:
                raise PageError(_words(error)) from None
            await ready(upload)
            page, State.fresh = State.page, ()
    raise AssertionError("the last try returns or raises")


async def _by_script(page: Page, upload: Upload, script: str, how: str | int = "") -> Answer:
    failures: list[str | None] = []
    page.on("requestfailed", lambda request: failures.append(request.failure))
    for tries_left in reversed(range(TRIES)):
        try:
            said = await page.evaluate(script, {**upload._asdict(), "how": how})
            break
        except PlaywrightError as error:
            await page.wait_for_timeout(EVENT_MS)
            if failures[-1:] != [NETWORK_CHANGED] or not tries_left:
                raise PageError(_words(error)) from None
    content, protocol = said.pop("content").encode(), _protocol(said.pop("protocol"))
    return Answer(**said, content=content, protocol=protocol)


def _words(error: PlaywrightError) -> str:
    """Return what the page says."""
    return error.message.splitlines()[0].removeprefix("Page.evaluate: ")


def _protocol(name: str) -> str:
    return HTTP2 if name == "h2" else name.upper()


def browser_processes() -> Iterator[int]:
    """Yield the ids of Chromium's processes: below this one, and not Playwright's own."""
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    for pid in found - {os.getpid()}:
        with contextlib.suppress(OSError):
            if "chrom" in Path(f"/proc/{pid}/exe").readlink().name:
                yield pid


def main() -> None:
    """Make uploads, if Chromium is there."""
    if not shutil.which("chromium"):
        return unavailable("Chromium is not installed")
    said = subprocess.run(["chromium", "--version"], capture_output=True, text=True, check=False).stdout
    versions = {"chromium": said.removeprefix("Chromium ").partition(" ")[0], **tus_js_version()}
    return serve(session, get, versions, browser_processes, LACKS, ready)


if __name__ == "__main__":
    main()
