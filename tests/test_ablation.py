"""What a config says, and each of its settings taken back, in the three languages."""

from pathlib import Path

import pytest
from uploadlab.declared.config_syntax import bare_lines, parse_config
from uploadlab.errors import UsageError
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.ablation import changes
from uploadlab.planning.lineup import lineup

from .helpers import DEPLOYMENTS

INI = """; of the whole file
[uwsgi]
http-socket = $(HOST):$(PORT)
; why
listen = 1024
env = A=1
env = B=2
enable-threads
log-format = "%(host) # not a comment"
"""
PLAIN_INI = "[uwsgi]\nhttp = :$(PORT)\nlisten = 100\nmaster = true\n"
PYTHON = '''"""A docstring.

workers = 9
"""
import os
bind = os.environ["PORT"]  # where
workers: int = 2
raw_env = [
    "A=1",  # why
]


def when_ready(server):
    count = 1
'''
PLAIN_PYTHON = "import os\nbind = f\":{os.environ['PORT']}\"\nworkers = 1\n"
NGINX = """http {
    server {
        listen ${HOST}:${PORT};
        client_body_buffer_size 1m;   # two pages by default
        error_page 400 @a;
        error_page 500 @b;
        if ($request_method = POST) { return 405; }
        add_header X "a # b";

        location / {
            uwsgi_request_buffering off;
        }
        location @a { return 400; }
    }
}
"""
PLAIN_NGINX = """http {
    server {
        listen ${PORT};
        client_max_body_size 0;
        location / {
        }
    }
}
"""


def changed(path: str, text: str, plain: str) -> dict[str, set[str]]:
    """By each name, which lines went and which came."""
    old = text.splitlines()
    found = {}
    for one in changes(path, text, plain):
        new = one.text.splitlines()
        gone, came = [line for line in old if line not in new], [line for line in new if line not in old]
        found[one.name] = {*(f"-{line.strip()}" for line in gone), *(f"+{line.strip()}" for line in came)}
    return found


def test_an_inis_lines_are_taken_back_one_by_one() -> None:
    assert changed("a.ini", INI, PLAIN_INI) == {
        "without-listen": {"-listen = 1024", "+listen = 100"},
        "without-env": {"-env = A=1"},
        "without-env-2": {"-env = B=2"},
        "without-enable-threads": {"-enable-threads"},
        "without-log-format": {'-log-format = "%(host) # not a comment"'},
        "with-master": {"+master = true"},
    }


def test_of_python_only_settings_of_the_module_are_taken_back() -> None:
    found = changed("a.conf.py", PYTHON, PLAIN_PYTHON)
    assert found == {
        "without-workers": {"-workers: int = 2", "+workers = 1"},
        "without-raw-env": {"-raw_env = [", '-"A=1",  # why', "-]"},
    }
    for one in changes("a.conf.py", PYTHON, PLAIN_PYTHON):
        compile(one.text, "a", "exec")


def test_of_nginx_only_lines_of_their_own_are_taken_back() -> None:
    found = changed("a.conf.template", NGINX, PLAIN_NGINX)
    assert found == {
        "without-client-body-buffer-size": {"-client_body_buffer_size 1m;   # two pages by default"},
        "without-error-page": {"-error_page 400 @a;"},
        "without-error-page-2": {"-error_page 500 @b;"},
        "without-add-header": {'-add_header X "a # b";'},
        "without-uwsgi-request-buffering": {"-uwsgi_request_buffering off;"},
        "with-client-max-body-size": {"+client_max_body_size 0;"},
    }
    (added,) = [
        one.text for one in changes("a.conf.template", NGINX, PLAIN_NGINX) if one.name.startswith("with-")
    ]
    assert added.index("client_max_body_size") < added.index("location / {")


def test_a_line_cannot_be_added_where_no_location_is() -> None:
    with pytest.raises(UsageError, match="has no location"):
        list(changes("a.conf.template", "http { }\n", PLAIN_NGINX))


def test_comments_and_layout_say_nothing() -> None:
    assert bare_lines("a.ini", INI)[:3] == ["[uwsgi]", "http-socket = $(HOST):$(PORT)", "listen = 1024"]
    assert "workers: int = 2" in bare_lines("a.conf.py", PYTHON)
    assert not any("docstring" in line or "import" in line for line in bare_lines("a.conf.py", PYTHON))
    assert "client_body_buffer_size 1m;" in bare_lines("a.conf.template", NGINX)
    assert 'add_header X "a # b";' in bare_lines("a.conf.template", NGINX)
    assert [one.option for one in parse_config("a.ini", INI)][:2] == ["http-socket", "listen"]


def test_what_is_no_python_says_so() -> None:
    with pytest.raises(UsageError, match=r"a\.conf\.py is no Python"):
        bare_lines("a.conf.py", "def")


@pytest.mark.parametrize(
    "path",
    [
        "configs/uwsgi/uwsgi-tuned.ini",
        "configs/uwsgi/nginx-uwsgi-streaming.ini",
        "configs/gunicorn/gunicorn-gthread.conf.py",
        "configs/nginx/nginx-offload.conf.template",
    ],
)
def test_every_setting_of_the_named_config_makes_a_difference_of_one(path: str) -> None:
    one = lineup(Order(kind=Kind.ABLATE, configs=[path]), DEPLOYMENTS, ROOT)
    assert one.texts
    assert {str(Path(name).parent) for name in one.texts} == {str(Path(path).parent)}
    for lines in one.comparison.others.values():
        assert 1 <= len(lines) <= 2, lines
        assert not any("PORT" in line for line in lines)
