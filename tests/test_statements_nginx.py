"""What the pages say of nginx, at the one that is installed here: its buffer, and its files of bodies."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from uploadlab.runtimes.local import search_path

from .helpers import need
from .serving import answered, put, serving

CONFIG = """
daemon off;
USER
pid pid;
error_log error.log warn;
events {}
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path unused;
    fastcgi_temp_path unused;
    scgi_temp_path unused;
    uwsgi_temp_path unused;
    server {
        listen 127.0.0.1:{port};
        location /buffered { proxy_pass http://127.0.0.1:{port}/name; }
        location /file {
            client_body_in_file_only on;
            proxy_set_header X-File $request_body_file;
            proxy_pass http://127.0.0.1:{port}/name;
        }
        location /name { return 200 "file: $http_x_file"; }
    }
}
"""
SPOOLED = "a client request body is buffered to a temporary file"


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[int]:
    need("nginx")
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is the test's own
    (tmp_path / "nginx.conf").write_text(CONFIG.replace("USER", user))
    shell = 'sed -i "s/{{port}}/{port}/" nginx.conf; exec nginx -p . -c nginx.conf -e error.log'
    with serving(tmp_path, ["sh", "-c", shell]) as port:
        yield port


def test_a_body_is_spooled_from_two_pages_and_a_quarter_on(nginx: int, tmp_path: Path) -> None:
    """client_body_buffer_size is two pages, 8k on x86-64; a body may be a quarter larger (nginx 1.22)."""
    two_pages = 2 * os.sysconf("SC_PAGESIZE")
    for size_bytes, spooled in ((two_pages, False), (two_pages * 3 // 2, True)):
        (tmp_path / "error.log").write_text("")
        body = b"x" * size_bytes
        answer = answered(nginx, put("/buffered", f"Content-Length: {size_bytes}") + body)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert (SPOOLED in (tmp_path / "error.log").read_text()) == spooled


def test_an_empty_body_has_a_file_unless_it_has_neither_length_nor_chunks(nginx: int, tmp_path: Path) -> None:
    empty = {
        put("/file", "Content-Length: 0"): 1,
        put("/file", "Transfer-Encoding: chunked") + b"0\r\n\r\n": 2,
        put("/file"): 2,
    }
    for request, files in empty.items():
        answer = answered(nginx, request)
        assert len(list((tmp_path / "bodies").iterdir())) == files
        assert (b"file: /" in answer or b"file: ./" in answer) == (request != put("/file"))


def test_the_folder_of_bodies_is_shown_where_a_config_sets_it_and_else_as_built_in(tmp_path: Path) -> None:
    need("nginx")
    config, folder = tmp_path / "nginx.conf", "client_body_temp_path bodies;"
    text = CONFIG.replace("USER", "").replace("{port}", "1")
    for written in (text, text.replace(folder, "")):
        config.write_text(written)
        shown = said_by_nginx("-p", f"{tmp_path}", "-c", f"{config}", "-e", "stderr", "-T")
        assert ("client_body_temp_path" in shown) == (folder in written)
    assert re.search("--http-client-body-temp-path=|configure arguments:", said_by_nginx("-V"))


def said_by_nginx(*words: str) -> str:
    program = shutil.which("nginx", path=search_path())
    done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr
