"""causes.toml: every setting that the doctor can name is complete, and its anchor exists in docs/."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from uploadlab.doctoring.causes import cause_of, load_causes
from uploadlab.model.diagnoses import KnownCause
from uploadlab.paths import DOCS
from uploadlab.runtimes.local import search_path

from .helpers import need
from .pages import anchors


def faults(cause: KnownCause) -> list[str]:
    """What is wrong with an entry."""
    checks = {
        "a field is empty": all((cause.default, cause.says, cause.fix, cause.where, cause.checked)),
        "the id is not HOP.SETTING": re.fullmatch(r"[a-z]+\.\S.*\S", cause.id),
        "the source is no address": cause.source.startswith("https://"),
        "the day is none": re.fullmatch(r"2\d{3}-\d\d-\d\d", cause.checked),
        "says is not one sentence without a full stop": not re.search(r"\.$|\n|\. [A-Z]", cause.says),
    }
    return [f"{cause.id}: {fault}" for fault, holds in checks.items() if not holds]


def test_every_entry_is_complete() -> None:
    assert [fault for cause in load_causes().values() for fault in faults(cause)] == []


def test_the_section_that_explains_it_exists() -> None:
    leads = {cause.id: cause.finding.partition("#") for cause in load_causes().values()}
    known = {page: anchors(DOCS / page) for page in {page for page, _, _ in leads.values()}}
    assert {name for name, (page, _, anchor) in leads.items() if anchor not in known[page]} == set()


def test_a_name_is_a_hop_and_a_setting() -> None:
    cause = cause_of("haproxy.tune.h2.fe.initial-window-size")
    assert (cause.hop, cause.setting) == ("haproxy", "tune.h2.fe.initial-window-size")
    with pytest.raises(KeyError):
        cause_of("nginx.client_max_body")


def fixes_of(hop: str) -> list[KnownCause]:
    return [cause for cause in load_causes().values() if cause.hop == hop]


def assert_taken(config: Path, text: str, *command: str) -> None:
    """The server says nothing against a config that holds all of its fixes, each at its place."""
    config.write_text(text)
    program = shutil.which(command[0], path=search_path()) or command[0]
    words = [program, *command[1:], str(config)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nginx_takes_the_fixes(tmp_path: Path) -> None:
    need("nginx")
    temporary = ("proxy", "fastcgi", "uwsgi", "scgi")
    http = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in temporary) + "access_log off;\n"
    http += "limit_req_zone $binary_remote_addr zone=uploads:1m rate=9r/s;\n"
    http += "limit_conn_zone $binary_remote_addr zone=addresses:1m;\n"
    for cause in fixes_of("nginx"):
        fix = cause.fix.replace("include uwsgi_params;", "").replace("/srv/uploads/tmp", f"{tmp_path}/body")
        outer, inner = (fix, "") if cause.where.startswith("http or server") else ("", fix)
        passes = "uwsgi_pass 127.0.0.1:9;" if "uwsgi" in cause.setting else "proxy_pass http://127.0.0.1:9;"
        http += f"server {{\nlisten 127.0.0.1:9;\n{outer}\nlocation / {{\n{passes}\n{inner}\n}}\n}}\n"
    text = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\nclient_body_temp_path {tmp_path}/all;\n{http}}}\n"
    assert_taken(tmp_path / "nginx.conf", text, "nginx", "-e", "stderr", "-p", str(tmp_path), "-t", "-c")


def test_haproxy_takes_the_fixes(tmp_path: Path) -> None:
    need("haproxy")
    first = {cause.id: re.split(r"[ ,]", cause.where)[0] for cause in fixes_of("haproxy")}
    text = "global\n" + "\n".join(cause.fix for cause in fixes_of("haproxy") if first[cause.id] == "global")
    for number, cause in enumerate(fixes_of("haproxy")):
        lines = {name: cause.fix if first[cause.id] == name else "" for name in ("defaults", "frontend")}
        text += f"\ndefaults d{number}\nmode http\ntimeout connect 1s\ntimeout client 1s\ntimeout server 1s\n"
        text += f"{lines['defaults']}\nfrontend f{number}\nbind 127.0.0.1:9\n{lines['frontend']}\n"
    assert_taken(tmp_path / "haproxy.cfg", text, "haproxy", "-c", "-f")


def test_caddy_takes_the_fixes(tmp_path: Path) -> None:
    need("caddy")
    options = text = ""
    for port, cause in enumerate(fixes_of("caddy"), 1024):
        is_of_site = cause.where.startswith("the site")
        options += "" if is_of_site else cause.fix.replace("servers {", f"servers 127.0.0.1:{port} {{") + "\n"
        text += f"http://127.0.0.1:{port} {{\n{cause.fix if is_of_site else ''}\n}}\n"
    command = ("caddy", "adapt", "--adapter", "caddyfile", "--config")
    assert_taken(tmp_path / "Caddyfile", f"{{\n{options}}}\n{text}", *command)


def test_apache_takes_the_fixes(tmp_path: Path) -> None:
    need("apache2")
    folder = Path("/usr/lib/apache2/modules")
    wsgi = next(iter(sorted(folder.glob("mod_wsgi.so*"))), None)
    if not wsgi:
        pytest.skip("mod_wsgi is not installed")
    names = ("mpm_event", "authz_core", "proxy", "proxy_http", "reqtimeout", "alias", "env", "http2")
    text = (
        f"ServerName localhost\nDefaultRuntimeDir {tmp_path}\nErrorLog {tmp_path}/log\nListen 127.0.0.1:9\n"
    )
    text += "".join(f"LoadModule {name}_module {folder}/mod_{name}.so\n" for name in names)
    text += f"LoadModule wsgi_module {wsgi}\n"
    for number, cause in enumerate(fixes_of("apache")):
        fix = cause.fix.replace("WSGIDaemonProcess app", f"WSGIDaemonProcess app{number}")
        text += f"<Location />\n{fix}\n</Location>\n" if cause.setting == "Require" else f"{fix}\n"
    assert_taken(tmp_path / "apache.conf", text, "apache2", "-t", "-f")


@pytest.mark.parametrize("hop", ["gunicorn", "hypercorn", "tornado", "app"])
def test_python_takes_the_fixes_of_programs(hop: str) -> None:
    fixes = {cause.id: cause.fix for cause in fixes_of(hop) if cause.id not in ("app.disk", "app.down")}
    for name, fix in fixes.items():
        is_decorator = fix.splitlines()[-1].startswith("@")
        compile(f"{fix}\n{'def upload(): ...' if is_decorator else ''}\n", name, "exec")


def test_uwsgi_takes_the_fixes() -> None:
    lines = {
        line for cause in fixes_of("uwsgi") if "[uwsgi]" in cause.where for line in cause.fix.splitlines()
    }
    code = {line for line in lines if not line.startswith(";")}
    assert {
        line for line in code if not re.fullmatch(r"[a-z-]+ = [\w:]+", line)
    } == set()  # no comment behind
