"""Which recipe to copy: each question is answered by single rows of the tables; and nginx before gunicorn."""

import re
from pathlib import Path

import pytest
import requests
from uploadlab.runtimes.local import free_ports
from uploadlab.units import MIB

from .helpers import need
from .recipes import BLOCKS, FILES, PAGE, Recipe, commands, running

APP = {"app.py", "digest.py", "folder.py", "framing.py", "linger.py", "pace.py"}
GUNICORN = APP | {"gunicorn.conf.py", "gunicorn_body.py"}
PUSH = {"one_file.py", "app_push.py"}
HANDED = {
    "app_handover.py", "digest.py", "folder.py", "framing.py", "nginx-handover.ini", "nginx-handover.conf",
}  # fmt: skip
ANSWERS = {
    "gunicorn alone, a script with requests puts files": (
        ["gunicorn", "Python with requests"], GUNICORN | {"upload.py"},
    ),
    "nginx in front of gunicorn, a browser's form": (
        ["nginx in front of gunicorn", "an HTML form, `request.files`", "a browser's plain HTML form"],
        GUNICORN | PUSH | {"nginx.conf"},
    ),
    "nginx in front of uWSGI, and only pip's Flask": (
        ["nginx in front of uWSGI", "the same, and you want no further package"],
        APP | {"nginx.ini", "nginx.conf", "one_file.py", "app_form.py", "form_body.py"},
    ),
    "uWSGI with curl": (
        ["uWSGI, nothing in front", "curl"], APP | {"uwsgi_app.py", "uwsgi_body.py", "uwsgi.ini"},
    ),
    "just a try": (["a first try"], APP),
    "granian": (["waitress, granian"], APP),
    "Traefik": (["Traefik"], GUNICORN),
    "HAProxy": (["Apache, Caddy, Envoy or HAProxy"], GUNICORN),
    "an app that only gives names": (["no byte: nginx stores"], HANDED),
    "a phone that loses its network": (["uploads that resume after a cut"], {"app_resumable.py"}),
    "a page that survives a reload": (["a browser over lines that break"], {"upload_resumable.html"}),
    "my page": (["a browser, your own page"], {"upload.html"}),
    "5 GB with requests, little CPU": (
        ["Python with requests, large files, little CPU"], {"sent_file.py", "upload_sendfile.py"},
    ),
    "asyncio": (["Python with aiohttp"], {"sent_file.py", "upload_aiohttp.py"}),
    "a client in Go": (["another language"], set()),
    "httpx": (["Python with httpx"], {"sent_file.py", "upload_httpx.py"}),
    "nothing to install": (["Python without any package"], {"sent_file.py", "upload_http_client.py"}),
    "files= takes all memory": (
        ["Python, to a server that takes only forms"], {"upload.py", "upload_form.py"},
    ),
    "pg_dump | upload": (["a pipe"], {"upload.py"}),
    "a field station with a bad line": (
        ["Python over lines that break"], {"sent_file.py", "upload_resumable.py"},
    ),
    "nginx has the certificate": (["nginx with TLS"], set()),
    "Docker": (["containers"], set()),
    "curl -T": (["the file as the body"], set()),
    "tus-js-client": (["any client of [tus]"], set()),
    "clients see a reset in place of a 413": (["clients see a reset, not your 4xx"], {"linger.py"}),
    "Django, and empty files": (
        ["uploads in an app that you have", "201 and an empty file"],
        {"framing.py", "linger.py", "pace.py", "digest.py"},
    ),
}  # fmt: skip
"""Questions, the rows that answer each of them, and the files that these name."""


def row_of(words: str) -> str:
    """The only row whose first cell is these words, or else begins with them."""
    rows: list[tuple[str, str]] = re.findall(r"^\| (.+?) \|(.*)$", PAGE, re.MULTILINE)
    exact = [rest for first, rest in rows if first == words]
    (found,) = exact or [rest for first, rest in rows if first.startswith(words)]
    return found


@pytest.mark.parametrize("question", ANSWERS)
def test_a_question_is_answered_by_the_rows_of_the_tables(question: str) -> None:
    rows, files = ANSWERS[question]
    texts = [row_of(words).replace("not the app, but", "") for words in rows]
    texts = [
        text.replace("the files of gunicorn", "the app, `gunicorn.conf.py`, `gunicorn_body.py`")
        for text in texts
    ]
    named = {name for text in texts for name in re.findall(r"`([^`]+)`", text) if name in FILES}
    named |= APP if any(text.startswith(" the app") for text in texts) else set()
    named -= {"app.py"} if "app.py" not in files else set()  # named as what needs no further file
    assert named == files


def test_nginx_in_front_of_gunicorn_as_the_page_changes_it(tmp_path: Path) -> None:
    need("nginx")
    (title,) = re.findall(r"^### (nginx and gunicorn)$", PAGE, re.MULTILINE)
    section = PAGE.partition(f"### {title}\n")[2].partition("\n### ")[0]
    block = section.partition("```nginx\n")[2].partition("```")[0]
    behind = str(free_ports(1)[0])
    recipe = Recipe.copy(tmp_path / "recipe")
    config = (recipe.folder / "nginx.conf").read_text()
    (location,) = re.findall(r"^        location / \{\n.*?^        \}\n", config, re.MULTILINE | re.DOTALL)
    (recipe.folder / "nginx.conf").write_text(config.replace(location, block.replace("8001", behind)))
    gunicorn = commands("gunicorn").rstrip() + f" --bind 127.0.0.1:{behind} &\n"
    folder, uwsgi, nginx = commands("nginx and uWSGI").splitlines(True)
    assert uwsgi.startswith("uwsgi ")
    BLOCKS[title] = folder + gunicorn + nginx
    try:
        with running(recipe, title):
            body = b"x" * (3 * MIB)
            answers = [requests.put(recipe.url, data=data, timeout=60) for data in (body, iter([body]))]
            own_page = {"Origin": recipe.url.removesuffix("/upload"), "Sec-Fetch-Site": "same-origin"}
            answers.append(requests.put(recipe.url, data=body, headers=own_page, timeout=60))
            assert [answer.status_code for answer in answers] == [201] * 3, [
                answer.text for answer in answers
            ]
            assert [path.stat().st_size for path in recipe.stored()] == [len(body)] * 3
    finally:
        del BLOCKS[title]
