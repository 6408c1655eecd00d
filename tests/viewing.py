"""The viewer's nginx as it is, but for its port, and a page in a real browser that must stay quiet."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from uploadlab.paths import ROOT
from uploadlab.runtimes.local import free_ports, search_path

from .helpers import need, wait_until


@contextmanager
def viewer(folder: Path) -> Iterator[str]:
    """Its URL; it shows ``folder/benchmark/runs``."""
    need("nginx")
    shutil.copytree(ROOT / "services" / "viewer", folder / "services" / "viewer")
    (folder / "tmp").mkdir()
    (folder / "benchmark").mkdir(exist_ok=True)
    (port,) = free_ports(1)
    config = folder / "services" / "viewer" / "nginx.conf"
    text = config.read_text()
    assert "listen 8000;" in text
    text = text.replace("/tmp/", f"{folder}/tmp/").replace("listen 8000;", f"listen 127.0.0.1:{port};")
    config.write_text(text)
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", "services/viewer/nginx.conf"]
    if os.getuid() == 0:
        command += ["-g", "user root;"]  # its workers would be another user, who may not enter the folder
    process = subprocess.Popen(command, env={**os.environ, "PATH": search_path()})
    try:
        wait_until(lambda: listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(300) == 0


def listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def make_run(runs: Path, name: str, *files: str, **more: Any) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    host = {"cpu": "EPYC", "cores": 2}
    run = {"plan": "quick", "runtime": "local", "started_at": "2026-01-31T12:00:00.123+00:00", "host": host}
    (folder / "run.json").write_text(json.dumps({**run, **more}))
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"<p>{file}</p>")
    return folder


def row(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(
        has=page.get_by_role("link", name=f"Files of {name}", exact=True)
    )


@contextmanager
def quiet_page(browser: Browser, **more: Any) -> Iterator[Page]:
    """A page that may say nothing in its console, and ask no other address."""
    with browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", **more) as context:
        opened = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda request: asked.append(request.url))
        yield opened
        assert said == []
        assert all(address.startswith(("http://127.0.0.1:", "data:")) for address in asked)
