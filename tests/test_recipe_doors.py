"""What a stranger cannot do at the recipes: read or name files, send from another site, or stop a server."""

import http.client
import os
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from .helpers import wait_until
from .recipes import Recipe

pytestmark = pytest.mark.slow

BOUNDARY_KIND = {"Content-Type": "multipart/form-data; boundary=x"}
HANDOVER = pytest.mark.parametrize("recipe", ["nginx hands over"], indirect=True, scope="module")


def form(content: bytes, disposition: bytes = b'name="file"; filename="f"') -> bytes:
    return b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n--x--\r\n" % (disposition, content)


def send(
    recipe: Recipe, content: bytes, headers: dict[str, str] | None = None, chunked: bool = False
) -> requests.Response:
    body = form(content) if recipe.form else content
    if recipe.form:
        return requests.post(recipe.url, body, headers={**BOUNDARY_KIND, **(headers or {})}, timeout=60)
    return requests.put(recipe.url, iter([body]) if chunked else body, headers=headers, timeout=60)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("content", [b"content", b""])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_stored_is_for_its_owner_alone(empty: Recipe, content: bytes, chunked: bool) -> None:
    answer = send(empty, content, chunked=chunked and bool(content))
    assert answer.status_code == 201, answer.text
    (path,) = empty.stored()
    assert (path.read_bytes(), mode(path)) == (content, 0o600)
    folders = [empty.uploads, *(each for each in empty.uploads.rglob("*") if each.is_dir())]
    assert [mode(folder) for folder in folders] == [0o700] * len(folders)
    assert not path.is_relative_to(empty.folder)
    assert [mode(each) for each in empty.folder.glob("*.sock")] in ([], [0o600])


def make_wide(uploads: Path) -> None:
    uploads.mkdir()
    uploads.chmod(0o750)


def make_link(uploads: Path) -> None:
    (uploads.parent / "elsewhere").mkdir(mode=0o700)
    uploads.symlink_to(uploads.parent / "elsewhere")


def make_foreign(uploads: Path) -> None:
    uploads.mkdir(mode=0o700)
    if os.geteuid():
        pytest.skip("only root makes a folder of another user's")
    os.chown(uploads, 65534, 65534)


@pytest.mark.parametrize("app", ["app", "app_push", "app_form", "app_handover"])
@pytest.mark.parametrize("make", [make_wide, make_link, make_foreign])
def test_no_app_starts_on_a_folder_where_others_have_rights(tmp_path: Path, app: str, make: object) -> None:
    recipe = Recipe.copy(tmp_path / "recipe")
    assert callable(make)
    make(recipe.uploads)
    command = [sys.executable, "-c", f"import {app}"]
    done = subprocess.run(command, cwd=recipe.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"chmod 700 {recipe.uploads}" in done.stderr.splitlines()[-1]


def ask_app(recipe: Recipe, path: Path | str, size_bytes: int | str) -> bytes:
    """The status of a request at uWSGI's socket, past nginx, that names this file."""
    values = {
        "REQUEST_METHOD": "PUT", "REQUEST_URI": "/upload", "PATH_INFO": "/upload", "QUERY_STRING": "",
        "SERVER_NAME": "a", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "UPLOAD_FILE": str(path), "UPLOAD_LENGTH": str(size_bytes),
    }  # fmt: skip
    words = [word.encode() for pair in values.items() for word in pair]
    packet = b"".join(struct.pack("<H", len(word)) + word for word in words)
    with socket.socket(socket.AF_UNIX) as app:
        app.settimeout(60)
        app.connect(str(recipe.folder / "uwsgi.sock"))
        app.sendall(struct.pack("<BHB", 0, len(packet), 0) + packet)
        return b"".join(iter(lambda: app.recv(4096), b"")).split(b" ")[1]


@HANDOVER
def test_the_app_behind_nginx_takes_only_files_that_nginx_has_stored(empty: Recipe, tmp_path: Path) -> None:
    spool = empty.uploads / "tmp"
    mine, stored, spooled = tmp_path / "mine", empty.uploads / "stored", spool / "0000000042"
    for path in (mine, stored, spooled):
        path.write_bytes(b"bytes")
    (spool / "link").symlink_to(mine)
    (spool / "folder").mkdir()
    (spool / "folder" / "deep").write_bytes(b"bytes")
    os.mkfifo(spool / "fifo")
    try:
        wrong: list[Path | str] = [
            mine, stored, spool / "link", spool / "folder", spool / "folder" / "deep", spool / "none", spool,
            f"{spool}/../stored", f"{spool}/../../../{mine}", "0000000042", "tmp/0000000042", "\0", "é",
        ]  # fmt: skip
        assert [ask_app(empty, path, 5) for path in wrong] == [b"500"] * len(wrong)
        assert ask_app(empty, spool / "fifo", 0) == b"500"
        assert [ask_app(empty, spooled, size) for size in (4, 6)] == [b"500"] * 2
        assert [ask_app(empty, spooled, size) for size in ("", "five")] == [b"411", b"400"]
        assert ask_app(empty, "", 5) == b"500"
        assert [path.read_bytes() for path in (mine, stored, spooled)] == [b"bytes"] * 3
        assert [ask_app(empty, spooled, 5) for _ in range(2)] == [b"201", b"500"]  # once, and not again
        assert not spooled.exists()
    finally:
        (spool / "folder" / "deep").unlink()
        (spool / "folder").rmdir()
        (spool / "link").unlink()
        (spool / "fifo").unlink()


FORGED = {
    "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "other", "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/other", "Forwarded": "for=10.0.0.1;host=other", "X-Real-Ip": "10.0.0.1",
    "Script-Name": "/other", "Path-Info": "/other", "Remote-User": "root", "Remote-Addr": "10.0.0.1",
    "Upload-File": "/etc/passwd", "Upload-Length": "1", "Uwsgi-File": "/etc/passwd", "Uwsgi-Param": "x",
    "X-Accel-Redirect": "/etc/passwd", "X-Sendfile": "/etc/passwd", "X-Http-Method-Override": "GET",
    "Wsgi-Input": "x", "Pace": "x", "Linger-Silent": "1", "Proxy": "http://127.0.0.1:9",
}  # fmt: skip


def test_headers_of_servers_are_only_a_clients_words(empty: Recipe) -> None:
    for name, value in FORGED.items():
        answer = send(empty, b"bytes", {name: value})
        assert (answer.status_code, answer.json().get("size_bytes")) == (201, 5), (name, answer.text)
    assert [path.read_bytes() for path in empty.stored()] == [b"bytes"] * len(FORGED)
    assert {path.parent for path in empty.stored()} == {empty.uploads}


PATHS = [
    "/../upload", "/..%2f..%2fupload", "/%2e%2e/%2e%2e/etc/passwd", "/upload/../../app.py", "/upload%00",
    "/upload/%2e%2e%2fapp.py", "/uploads/", "/uploads/tmp", "/..%5cupload", "//etc/passwd", "/refused",
    "/upload%2fx", "/%75pload/x", "/static/../app.py", "/static/%2e%2e/app.py", "/uwsgi.sock",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leads_to_another_file(empty: Recipe, method: str) -> None:
    def everything() -> set[Path]:
        found = [*empty.folder.rglob("*"), *empty.uploads.rglob("*")]
        return {path for path in found if "__pycache__" not in path.parts}

    before = everything()
    for path in PATHS:
        connection = http.client.HTTPConnection("127.0.0.1", empty.port, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 201:  # a server may have made it the path of the route
            assert (method, path) == ("PUT", "/../upload")
            for new in empty.stored():
                new.unlink()
        assert answer.status in (201, 400, 404, 405, 501), path
        assert b"import" not in text
        connection.close()
    wait_until(lambda: everything() == before)


def test_a_page_of_another_site_sends_nothing(empty: Recipe) -> None:
    host = f"127.0.0.1:{empty.port}"
    others = [
        "http://other.example",
        f"http://localhost:{empty.port}",
        "http://127.0.0.1:1",
        "null",
        "file://",
    ]
    for origin in others:
        assert send(empty, b"bytes", {"Origin": origin}).status_code == 403, origin
    for site in ("cross-site", "same-site", "Cross-Site", "cross-site, none"):
        assert send(empty, b"bytes", {"Sec-Fetch-Site": site}).status_code == 403, site
    wait_until(lambda: empty.stored() == [])
    own: list[dict[str, str]] = [{"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}, {}]
    for headers in own:
        assert send(empty, b"bytes", headers).status_code == 201, headers


@pytest.mark.parametrize("recipe", ["A form, push parser", "A form, Werkzeug's parser"], indirect=True)
@pytest.mark.parametrize("spaces", [4000, 400_000])
def test_no_head_of_a_part_keeps_a_server_busy(empty: Recipe, spaces: int) -> None:
    """A pattern that tried all ways to divide the spaces would take hours for these."""
    for odd in (b'name=%b"', b'name="file"; a=%b"', b'name=x%bx"', b"name%bx"):
        body = form(b"bytes", odd % (b" " * spaces))
        answer = requests.post(empty.url, body, headers=BOUNDARY_KIND, timeout=120)
        assert answer.status_code in (400, 413), answer.text
    assert send(empty, b"bytes").status_code == 201
