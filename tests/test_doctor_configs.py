"""``doctor --config``: the lab's own configs, whose faults are known, and small ones with one fault each."""

import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from uploadlab.doctoring.config_rules.languages import language_of
from uploadlab.doctoring.config_rules.saying import ConfigFile
from uploadlab.doctoring.configs import config_findings, diagnose_configs, read_configs
from uploadlab.errors import UsageError
from uploadlab.model.deployments import REFERENCE, Deployment
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.paths import ROOT

from .helpers import ALL_DEPLOYMENTS

LOSS, PROBLEM, NOTE = Weight.LOSS, Weight.PROBLEM, Weight.NOTE
CONFIGS = sorted(
    path
    for path in (ROOT / "configs").glob("*/*")
    if path.is_file() and path.parent.name not in ("plans", "reports")
)
NO_CONFIG = ("flask", "gevent-pywsgi", "cheroot", "tornado")
"""Deployments that a Python program of the lab's own starts, by the beginnings of their names."""
FAULTS = {
    "uwsgi-default": (LOSS, "uwsgi.chunked-input"),
    "gunicorn": (PROBLEM, "gunicorn.timeout"),
    "gunicorn-gevent": (NOTE, "gunicorn.limit_request_field_size"),
    "nginx-uwsgi": (LOSS, "nginx.uwsgi_param HTTP_TRANSFER_ENCODING"),
    "waitress": (NOTE, "waitress.max_request_body_size"),
    "granian": (NOTE, "granian.cut-bodies"),
    "mod-wsgi": (PROBLEM, "apache.WSGIChunkedRequest"),
    "uvicorn-a2wsgi": (LOSS, "uvicorn.a2wsgi input_terminated"),
    "hypercorn": (LOSS, "hypercorn.input_terminated"),
    "pyvoy": (LOSS, "pyvoy.input_terminated"),
    "nginx-proxy": (NOTE, "nginx.proxy_request_buffering"),
    "caddy": (NOTE, "caddy.read_header"),
    "caddy-tls": (NOTE, "caddy.read_header"),
    "haproxy": (NOTE, "haproxy.timeout server"),
    "apache-proxy": (NOTE, "apache.ProxyTimeout"),
    "envoy": (PROBLEM, "envoy.route timeout"),
}
"""Of each stock deployment, the finding that comes first: docs/servers.md has what was measured."""


def files_of(made: Deployment) -> list[ConfigFile]:
    """The configs that a deployment's commands name, with those that they include, and the commands."""
    names = [word for service in made.services for word in service.command if (ROOT / word).is_file()]
    names += [
        f"configs/nginx/{name}" for name in ("refusals.conf", "cross_site.conf") if "nginx" in made.name
    ]
    lines = [" ".join(service.command).replace("sh -c ", "") for service in made.services]
    commands = ConfigFile("Procfile", "".join(f"web: {line}\n" for line in lines))
    return [*(ConfigFile(name, (ROOT / name).read_text()) for name in dict.fromkeys(names)), commands]


def reads(name: str) -> bool:
    return not name.startswith(NO_CONFIG)


@pytest.mark.parametrize(
    "name", [name for name, made in ALL_DEPLOYMENTS.items() if made.tier == "stock" and reads(name)]
)
def test_a_stock_deployment_names_its_fault_first(name: str) -> None:
    first = diagnose_configs(files_of(ALL_DEPLOYMENTS[name])).findings[0]
    assert (first.weight, first.cause) == FAULTS[name]


@pytest.mark.parametrize(
    "name", [name for name, made in ALL_DEPLOYMENTS.items() if made.tier == "tuned" and reads(name)]
)
def test_a_tuned_deployment_has_nothing_above_a_note(name: str) -> None:
    findings = diagnose_configs(files_of(ALL_DEPLOYMENTS[name])).findings
    assert [finding for finding in findings if finding.weight is not NOTE] == []


def test_every_deployment_is_looked_at() -> None:
    looked_at = {name for name, made in ALL_DEPLOYMENTS.items() if made.tier != REFERENCE and reads(name)}
    assert {name for name in looked_at if ALL_DEPLOYMENTS[name].tier == "stock"} == FAULTS.keys()
    assert len(looked_at) > 25


def nginx(inside: str, around: str = "") -> str:
    return f"http {{\n{around}\nserver {{\nlisten 80;\nlocation / {{\n{inside}\n}}\n}}\n}}\n"


STREAMS = "proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://app;"
PARAMS = 'include uwsgi_params; uwsgi_param HTTP_TRANSFER_ENCODING "";'
ENVOY = """static_resources:
  listeners:
    - filter_chains:
        - filters:
            - typed_config:
                http_filters: [{{name: router}}{filters}]
                {more}
                route_config:
                  virtual_hosts:
                    - routes:
                        - route: {route}
"""
PLANTED = [
    ("nginx.conf", nginx(STREAMS), PROBLEM, "nginx.client_max_body_size", "nginx.conf"),
    ("nginx.conf", nginx(STREAMS, "client_max_body_size 8m;"), PROBLEM, "nginx.client_max_body_size", ":2"),
    ("nginx.conf", nginx(STREAMS, "client_max_body_size 2g;"), NOTE, "nginx.client_max_body_size", ":2"),
    ("nginx.conf", nginx(STREAMS + "client_body_timeout 5;"), PROBLEM, "nginx.client_body_timeout", ":6"),
    ("nginx.conf", nginx(STREAMS + "client_body_timeout 1m;"), NOTE, "nginx.client_body_timeout", ":6"),
    ("nginx.conf", nginx(STREAMS + "proxy_read_timeout 10s;"), PROBLEM, "nginx.proxy_read_timeout", ":6"),
    ("nginx.conf", nginx("uwsgi_pass app;"), LOSS, "nginx.uwsgi_param HTTP_TRANSFER_ENCODING", ":6"),
    ("nginx.conf", nginx("uwsgi_pass app;" + PARAMS), NOTE, "nginx.uwsgi_request_buffering", "nginx.conf"),
    (
        "nginx.conf",
        nginx("include uwsgi_params; uwsgi_pass app;", 'uwsgi_param HTTP_TRANSFER_ENCODING "";'),
        LOSS,  # a location with parameters of its own inherits none
        "nginx.uwsgi_param HTTP_TRANSFER_ENCODING",
        ":6",
    ),
    (
        "nginx.conf",
        nginx("proxy_request_buffering off; uwsgi_pass app;" + PARAMS),
        NOTE,
        "nginx.uwsgi_request_buffering",
        ":6",
    ),
    ("nginx.conf", nginx("proxy_pass http://app;"), NOTE, "nginx.proxy_request_buffering", "nginx.conf"),
    (
        "nginx.conf",
        nginx("proxy_request_buffering off; proxy_http_version 1.0; proxy_pass http://app;"),
        NOTE,
        "nginx.proxy_http_version",
        ":6",
    ),
    ("nginx.conf", nginx(STREAMS, "limit_conn all 2;"), NOTE, "nginx.limit_conn", ":2"),
    ("nginx.conf", nginx(STREAMS + "auth_basic staff;"), NOTE, "nginx.auth_basic", ":6"),
    ("nginx.conf", nginx("limit_except GET { deny all; }" + STREAMS), PROBLEM, "nginx.limit_except", ":6"),
    ("site", "server {\nreturn 301 https://$host$request_uri;\n}", NOTE, "nginx.return", ":2"),
    ("tls.conf", nginx(STREAMS, "listen 443 ssl http2;"), NOTE, "nginx.http2_body_preread_size", "tls.conf"),
    ("a.ini", "[uwsgi]\nhttp-socket = :80\n", LOSS, "uwsgi.chunked-input", ":2"),
    ("a.ini", "[uwsgi]\nhttp = :80\n", LOSS, "uwsgi.http-chunked-input", ":2"),
    ("a.ini", "[uwsgi]\nhttp-socket = :80\n", PROBLEM, "uwsgi.socket-timeout", "a.ini"),
    ("a.ini", "[uwsgi]\nsocket = /s\nsocket-timeout = 4\n", NOTE, "uwsgi.socket-timeout", ":3"),
    ("a.ini", "[uwsgi]\nsocket = /s\nharakiri = 60\n", PROBLEM, "uwsgi.harakiri", ":3"),
    ("a.ini", "[uwsgi]\nsocket = /s\nlimit-post = 1048576\n", PROBLEM, "uwsgi.limit-post", ":3"),
    ("a.ini", "[uwsgi]\nsocket = /s\npost-buffering = 1\n", PROBLEM, "uwsgi.post-buffering", ":3"),
    ("a.ini", "[uwsgi]\nsocket = /s\npost-buffering = true\n", NOTE, "uwsgi.post-buffering", ":3"),
    ("a.ini", "[uwsgi]\nhttp = :80\nhttp-timeout = 5\n", PROBLEM, "uwsgi.http-timeout", ":3"),
    ("gunicorn.conf.py", "workers = 4\n", PROBLEM, "gunicorn.timeout", "gunicorn.conf.py"),
    ("gunicorn.conf.py", "bind = 'x'\ntimeout = 60\n", PROBLEM, "gunicorn.timeout", ":2"),
    ("gunicorn.conf.py", "timeout = 3600\nworkers = 3\n", NOTE, "gunicorn.workers", ":2"),
    (
        "Caddyfile",
        ":80 {\n\trequest_body {\n\t\tmax_size 10MB\n\t}\n}",
        PROBLEM,
        "caddy.request_body max_size",
        ":3",
    ),
    ("Caddyfile", "{\nservers {\ntimeouts {\nread_body 10s\n}\n}\n}", PROBLEM, "caddy.read_timeout", ":4"),
    (
        "Caddyfile",
        ":80 {\nreverse_proxy app:80 {\nrequest_buffers 4KiB\n}\n}",
        NOTE,
        "caddy.request_buffers",
        ":3",
    ),
    ("Caddyfile", ":80\nredir https://{host}{uri}\nreverse_proxy app:80\n", NOTE, "caddy.redir", ":2"),
    ("haproxy.cfg", "defaults\n timeout client 5s\nfrontend f\n", PROBLEM, "haproxy.timeout client", ":2"),
    ("haproxy.cfg", "frontend f\n timeout client 50\n", PROBLEM, "haproxy.timeout client", ":2"),
    ("haproxy.cfg", "frontend f\n bind :80\n", NOTE, "haproxy.timeout client", "haproxy.cfg"),
    ("haproxy.cfg", "backend b\n timeout server 10s\n", PROBLEM, "haproxy.timeout server", ":2"),
    (
        "haproxy.cfg",
        "listen l\n option http-buffer-request\n timeout client 60s\n",
        NOTE,
        "haproxy.http-buffer-request",
        ":2",
    ),
    (
        "haproxy.cfg",
        "frontend f\n http-request deny deny_status 413 if { req.body_size gt 1048576 }\n",
        PROBLEM,
        "haproxy.http-request deny",
        ":2",
    ),
    (
        "haproxy.cfg",
        "frontend f\n bind :443 ssl crt a alpn h2,http/1.1\n",
        NOTE,
        "haproxy.tune.h2.fe.initial-window-size",
        "haproxy.cfg",
    ),
    (
        "httpd.conf",
        "LimitRequestBody 1048576\nProxyPass / http://app/\n",
        PROBLEM,
        "apache.LimitRequestBody",
        ":1",
    ),
    ("httpd.conf", "WSGIScriptAlias / app.wsgi\n", PROBLEM, "apache.WSGIChunkedRequest", "httpd.conf"),
    ("httpd.conf", "RequestReadTimeout body=30\n", PROBLEM, "apache.RequestReadTimeout", ":1"),
    (
        "httpd.conf",
        "RequestReadTimeout header=20 body=20-40,MinRate=500\n",
        PROBLEM,
        "apache.RequestReadTimeout",
        ":1",
    ),
    ("httpd.conf", "RequestReadTimeout body=20,MinRate=500\n", NOTE, "apache.RequestReadTimeout", ":1"),
    (
        "httpd.conf",
        "WSGIDaemonProcess app threads=5 \\\n  request-timeout=60\n",
        PROBLEM,
        "apache.WSGIDaemonProcess request-timeout",
        ":1",
    ),
    ("site.conf", "Timeout 5\nProxyPass / http://app/\n", PROBLEM, "apache.Timeout", ":1"),
    (
        "site.conf",
        "<VirtualHost *:80>\nSetEnv proxy-sendcl 1\n</VirtualHost>\n",
        NOTE,
        "apache.proxy-sendcl",
        ":2",
    ),
    (
        "envoy.yaml",
        ENVOY.format(filters="", more="request_timeout: 30s", route="{cluster: app, timeout: 0s}"),
        PROBLEM,
        "envoy.request_timeout",
        ":7",
    ),
    (
        "envoy.yaml",
        ENVOY.format(
            filters=", {typed_config: {max_request_bytes: 1024}}", more="x: y", route="{cluster: app}"
        ),
        PROBLEM,
        "envoy.buffer max_request_bytes",
        ":6",
    ),
    (
        "envoy.yaml",
        ENVOY.format(filters="", more="x: y", route="{cluster: app, timeout: 5s}"),
        PROBLEM,
        "envoy.route timeout",
        ":11",
    ),
    (
        "traefik.yml",
        "entryPoints:\n  web:\n    address: ':80'\n",
        PROBLEM,
        "traefik.readTimeout",
        "traefik.yml",
    ),
    (
        "ingress.yaml",
        "kind: Ingress\nmetadata:\n  annotations:\n    nginx.ingress.kubernetes.io/proxy-body-size: 8m\n",
        PROBLEM,
        "nginx.client_max_body_size",
        ":4",
    ),
    ("Procfile", "web: gunicorn --timeout 60 app:app\n", PROBLEM, "gunicorn.timeout", ":1"),
    (
        "app.service",
        "[Service]\nExecStart=/v/bin/gunicorn -t30 -w 3 app:app\n",
        PROBLEM,
        "gunicorn.timeout",
        ":2",
    ),
    (
        "Dockerfile",
        'FROM x\nCMD ["uwsgi", "--http", ":80", "--module", "app"]\n',
        LOSS,
        "uwsgi.http-chunked-input",
        ":2",
    ),
    (
        "compose.yaml",
        "services:\n  app:\n    command: [sh, -c, 'exec hypercorn wsgi:app:app']\n",
        PROBLEM,
        "hypercorn.wsgi_max_body_size",
        ":3",
    ),
]


@pytest.mark.parametrize(("name", "text", "weight", "cause", "place"), PLANTED)
def test_a_planted_line_is_found_where_it_stands(
    name: str, text: str, weight: Weight, cause: str, place: str
) -> None:
    found = {finding.cause: finding for finding in config_findings(name, text)}
    assert (found[cause].weight, found[cause].place) == (weight, name + place.removeprefix(name))
    assert found[cause].evidence


HEALTHY = {
    "nginx.conf": nginx(STREAMS + "client_max_body_size 0; client_body_buffer_size 1m;"),
    "uwsgi.ini": "[uwsgi]\nhttp-socket = :80\nsocket-timeout = 30\nchunked-input-limit = 67108864\n",
    "gunicorn.conf.py": "threads = 40\ntimeout = 30\n",
    "haproxy.cfg": "defaults\n timeout client 60s\n timeout server 10m\nfrontend f\n bind :80\nbackend b\n",
    "Caddyfile": "example.com {\n\treverse_proxy app:80\n}\n",
    "httpd.conf": "LoadModule proxy_module x.so\nProxyPass / http://app/\n",
    "Procfile": "web: gunicorn --worker-class gevent app:app\n",
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_config_has_nothing_above_a_note(name: str) -> None:
    assert {finding.weight for finding in config_findings(name, HEALTHY[name])} <= {NOTE}


def test_an_inner_block_overrides_an_outer_one() -> None:
    text = nginx(STREAMS + "client_max_body_size 0;", "client_max_body_size 1m;")
    assert not [finding for finding in config_findings("n.conf", text) if "max_body" in finding.cause]


def test_a_small_limit_beside_a_large_one_is_a_note() -> None:
    text = f"server {{ location /api {{ {STREAMS} }} location /up {{ client_max_body_size 9g; {STREAMS} }} }}"
    sizes = [finding for finding in config_findings("n.conf", text) if "max_body" in finding.cause]
    assert [finding.weight for finding in sizes] == [NOTE, NOTE]


def test_a_worker_of_the_configs_own_counts_as_what_it_extends() -> None:
    text = "class Own(ThreadWorker):\n    pass\nworker_class = Own\n"
    assert "gunicorn.timeout" not in {finding.cause for finding in config_findings("gunicorn.conf.py", text)}


def test_the_style_of_a_config_makes_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    config_findings("gunicorn.conf.py", "workers = 2\nlog_pattern = '\\d'\n")
    assert not recwarn.list


def causes(files: dict[str, str]) -> dict[str, Finding]:
    found = diagnose_configs([ConfigFile(name, text) for name, text in files.items()]).findings
    return {finding.cause: finding for finding in found}


def test_what_an_included_file_says_holds() -> None:
    main = nginx("include app.conf;", "client_max_body_size 0;\ninclude /etc/nginx/conf.d/*.conf;")
    found = causes(
        {"/etc/nginx/nginx.conf": main, "/etc/nginx/app.conf": f"client_body_timeout 3;\n{STREAMS}"}
    )
    assert "nginx.client_max_body_size" not in found
    assert found["nginx.client_body_timeout"].place == "/etc/nginx/app.conf:1"
    assert found["nginx.proxy_read_timeout"].confidence is Confidence.LIKELY  # of conf.d nothing is known


def test_what_nginx_prints_of_all_its_files_is_read_as_they_are() -> None:
    main = "http {\nclient_max_body_size 0;\ninclude /etc/nginx/conf.d/*.conf;\n}\n"
    site = f"server {{\nlocation / {{\n{STREAMS}\nclient_body_timeout 3s;\n}}\n}}\n"
    heads = [f"# configuration file /etc/nginx/{name}:\n" for name in ("nginx.conf", "conf.d/app.conf")]
    found = causes({"dump.txt": f"nginx: the configuration file is ok\n{heads[0]}{main}\n{heads[1]}{site}\n"})
    assert "nginx.client_max_body_size" not in found
    assert found["nginx.client_body_timeout"].place == "/etc/nginx/conf.d/app.conf:4"


def test_the_hops_are_named_from_the_outside_in() -> None:
    files = {"Procfile": "web: gunicorn app:app\n", "nginx.conf": nginx(STREAMS)}
    assert diagnose_configs([ConfigFile(*file) for file in files.items()]).hops == ["nginx", "gunicorn"]


def test_files_that_include_each_other_come_to_an_end() -> None:
    files = {"a.conf": "server { include b.conf; }", "b.conf": f"location / {{ include a.conf; {STREAMS} }}"}
    assert "nginx.client_max_body_size" in causes(files)


def test_files_that_were_not_given_are_named() -> None:
    found = diagnose_configs([ConfigFile("n.conf", nginx(STREAMS, "include /etc/nginx/limits.conf;"))])
    assert found.unasked == ["n.conf:2 includes /etc/nginx/limits.conf, which was not read: name it too"]


def test_a_front_that_takes_whole_bodies_shields_the_app() -> None:
    front = nginx("proxy_pass http://app;", "client_max_body_size 0;")
    found = causes({"nginx.conf": front, "gunicorn.conf.py": "workers = 4\n"})
    assert found["gunicorn.timeout"].weight is NOTE
    assert "gunicorn.workers" not in found
    found = causes({"nginx.conf": front, "app.ini": "[uwsgi]\nhttp-socket = :80\n"})
    assert not {"uwsgi.chunked-input", "uwsgi.socket-timeout"} & found.keys()


def test_a_front_that_streams_shields_nothing() -> None:
    found = causes({"nginx.conf": nginx(STREAMS), "app.ini": "[uwsgi]\nhttp-socket = :80\n"})
    assert found["uwsgi.chunked-input"].weight is LOSS


def test_a_command_overrides_the_config_that_it_names() -> None:
    files = {
        "gunicorn.conf.py": "timeout = 10\n",
        "Procfile": "web: gunicorn -c gunicorn.conf.py -t 3600 app:app\n",
    }
    assert causes(files)["gunicorn.timeout"].weight is NOTE
    files["Procfile"] = "web: gunicorn -c gunicorn.conf.py --threads 40 app:app\n"
    assert "gunicorn.timeout" not in causes(files)


LANGUAGES = {
    "default": ("server {\n\tlisten 80 default_server;\n\troot /var/www/html;\n}\n", "nginx"),
    "app.conf": ("server {\n  location / { proxy_pass http://app; }\n}\n", "nginx"),
    "000-default.conf": (
        "<VirtualHost *:80>\n\tServerAdmin me\n\tDocumentRoot /w\n</VirtualHost>\n",
        "Apache",
    ),
    "ours.conf": ("Timeout 60\nProxyPass / http://app/\n", "Apache"),
    "lb": ("defaults\n  mode http\nfrontend web\n  bind *:80\n", "HAProxy"),
    "web": ("example.com {\n\treverse_proxy app:8000\n}\n", "Caddy"),
    "settings.py": ("bind = '0.0.0.0:8000'\nworkers = 2\n", "gunicorn"),
    "conf.yaml": ("static_resources:\n  listeners: []\n", "Envoy"),
    "proc.ini": ("[uwsgi]\nmodule = app\n", "uWSGI"),
    "supervisord.conf": ("[program:app]\ncommand=gunicorn app:app\n", "a command line"),
    "docker-compose.yml": ("services:\n  web:\n    command: gunicorn app:app\n", "a command line"),
    "nginx.conf.template": ("", "nginx"),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_config_is_recognised_by_its_name_and_its_text(name: str) -> None:
    text, language = LANGUAGES[name]
    assert language_of(name, text) == language


def test_each_of_the_labs_configs_is_recognised() -> None:
    folders = {"apache": "Apache", "caddy": "Caddy", "envoy": "Envoy", "haproxy": "HAProxy", "uwsgi": "uWSGI"}
    known = {path: folders.get(path.parent.name, path.parent.name) for path in CONFIGS}
    assert {path: language_of(path.name, path.read_text()) for path in CONFIGS} == known


def test_what_is_no_config_says_what_to_type() -> None:
    with pytest.raises(UsageError, match=r"notes\.txt is no config of nginx.*--config nginx\.conf"):
        config_findings("notes.txt", "Dear reader, nothing here.\n")


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no config is named"):
        read_configs([])
    with pytest.raises(UsageError, match=r"absent.conf cannot be read: No such file"):
        read_configs([tmp_path / "absent.conf"])
    with pytest.raises(UsageError, match="is a folder: name the files in it"):
        read_configs([tmp_path])


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"# configuration file /etc/nginx/nginx.conf:\n{nginx(STREAMS)}"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert read_configs([Path("-")]).findings[0].place == "/etc/nginx/nginx.conf"


def test_one_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    texts = {"gunicorn.conf.py": "workers = (\n", "nginx.conf": nginx(STREAMS), "notes.txt": "Dear reader\n"}
    paths = [tmp_path / name for name in texts]
    for path in paths:
        path.write_text(texts[path.name])
    found = read_configs(paths)
    assert found.findings[0].cause == "nginx.client_max_body_size"
    assert found.hops == ["nginx", "gunicorn"]
    assert [re.sub(r".*/", "", line)[:28] for line in found.unasked] == [
        "notes.txt is no config of ng",
        "gunicorn.conf.py is no Pytho",
    ]


def damaged(text: str, seed: int) -> Iterator[str]:
    """The text cut off at some places, with bytes of any kind in it, and with lines in any order."""
    dice = random.Random(seed)
    for _ in range(5):
        yield text[: dice.randrange(len(text) + 1)]
        place = dice.randrange(len(text) + 1)
        yield text[:place] + dice.randbytes(40).decode("utf-8", "replace") + text[place:]
        lines = text.splitlines()
        dice.shuffle(lines)
        yield "\n".join(lines)
        yield text.replace(dice.choice("{};=:\n \"'"), dice.choice(["", "{", "}", '"', "\x00", "[", "${"]))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_damaged_configs_are_read_as_far_as_they_go(path: Path) -> None:
    for text in damaged(path.read_text(), seed=len(path.name)):
        try:
            findings = config_findings(path.name, text)
        except UsageError:
            continue  # a sentence, and no traceback
        assert all(finding.evidence for finding in findings)


PIECES = (
    "{",
    "a {\n",
    "[",
    "(",
    "- ",
    '"',
    "\n",
    "a=1\n",
    "#",
    " timeout client 5s\n",
    "\\\n",
    ",",
    "a: &a *a\n",
)


@pytest.mark.parametrize("name", [*HEALTHY, "envoy.yaml"])
def test_a_long_file_of_one_piece_comes_to_an_end(name: str) -> None:
    for piece in PIECES:
        try:
            config_findings(name, piece * 1000)
        except UsageError as error:
            assert "\n" not in str(error)
