"""The servers that run the app, each without a fault unless its caller plants one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from uploadlab.paths import ROOT

from benchmark.planted.stack import HOST, Place, on_small_disk, program

Environment = Mapping[str, str] | None
APP = "benchmark.planted.app:application"
GUNICORN: dict[str, object] = {
    "workers": 2,
    "worker_class": "gthread",
    "threads": 12,
    "timeout": 3600,
    "keepalive": 75,
    "limit_request_line": 8190,
    "limit_request_field_size": 65536,
    "control_socket_disable": True,
}
UWSGI = {
    "strict": "true",
    "module": APP,
    "need-app": "true",
    "master": "true",
    "die-on-term": "true",
    "processes": "2",
    "threads": "12",
    "socket-timeout": "120",
    "buffer-size": "65535",
    "chunked-input-limit": "67108864",
    "chunked-input-timeout": "120",
    "add-header": "Connection: close",
}
"""At an HTTP socket."""


def gunicorn(place: Place, faults: Environment = None, small_disk: int = 0, **settings: object) -> int:
    """Start gunicorn."""
    port = place.port()
    lines = {**GUNICORN, **settings, "bind": f"{HOST}:{port}", "wsgi_app": APP}
    path = place.write("gunicorn.conf.py", "".join(f"{name} = {value!r}\n" for name, value in lines.items()))
    command: list[str | Path] = [program("gunicorn"), "--config", path]
    if small_disk:
        command = on_small_disk(place.spool, small_disk, command)
        faults = {**(faults or {}), "PLANTED_FOLDER": str(place.spool)}
    return place.answers(place.start(command, port, faults))


def uwsgi(place: Place, faults: Environment = None, door: str = "http-socket", **settings: str | None) -> int:
    """Start uWSGI; settings have _ in place of -, and None takes one away."""
    port = place.port()
    mine = {name.replace("_", "-"): value for name, value in settings.items()}
    lines: dict[str, str | None] = {**UWSGI, door: f"{HOST}:{port}", **mine}
    text = "".join(f"{name} = {value}\n" for name, value in lines.items() if value is not None)
    path = place.write("uwsgi.ini", f"[uwsgi]\n{text}")
    reads = {"PLANTED_INPUT": "uwsgi"} if door == "http-socket" else {}
    return place.start(
        [program("uwsgi"), "--ini", path], port, {**reads, **(faults or {})}, "spawned uWSGI worker 1 "
    )


def waitress(place: Place, *options: str, faults: Environment = None) -> int:
    """Start waitress."""
    port = place.port()
    healthy = [
        "--max-request-body-size=1000000000000",
        "--channel-timeout=300",
        "--threads=12",
        "--recv-bytes=262144",
    ]
    named = {option.partition("=")[0] for option in options}
    words = [*(option for option in healthy if option.partition("=")[0] not in named), *options]
    return place.answers(
        place.start([program("waitress-serve"), f"--listen={HOST}:{port}", *words, APP], port, faults)
    )


def granian(place: Place, faults: Environment = None) -> int:
    """Start granian."""
    port = place.port()
    words = ["--interface", "wsgi", "--host", HOST, "--port", str(port), "--blocking-threads", "12", APP]
    return place.answers(place.start([program("granian"), *words], port, faults))


def hypercorn(
    place: Place,
    app: str = "benchmark.planted.asgi:application",
    faults: Environment = None,
    **settings: object,
) -> int:
    """Start Hypercorn with whole bodies; of the app ``benchmark.planted.app:...``, with its own adapter."""
    port = place.port()
    lines = {"bind": [f"{HOST}:{port}"], "h11_max_incomplete_size": 65536, "read_timeout": None, **settings}
    path = place.write("hypercorn_conf.py", "".join(f"{name} = {value!r}\n" for name, value in lines.items()))
    return place.answers(place.start([program("hypercorn"), "--config", f"file:{path}", app], port, faults))


def uvicorn(place: Place, *options: str, app: str = "benchmark.planted.asgi:application") -> int:
    """Start uvicorn."""
    port = place.port()
    words = ["--host", HOST, "--port", str(port), *(options or ["--h11-max-incomplete-event-size", "65536"])]
    return place.answers(place.start([program("uvicorn"), *words, app], port))


def pyvoy(place: Place) -> int:
    """Start pyvoy."""
    port = place.port()
    words = ["--interface", "wsgi", "--address", HOST, "--port", str(port), APP]
    return place.answers(place.start([program("pyvoy"), *words], port))


def served(place: Place, name: str, *options: str, faults: Environment = None) -> int:
    """Start cheroot, gevent or tornado with options KEY=JSON."""
    port = place.port()
    command = [sys.executable, "-m", "benchmark.planted.serve", name, HOST, str(port), *options]
    return place.answers(place.start(command, port, faults))


APACHE = {
    "Timeout": "120",
    "RequestReadTimeout": "header=60 body=0",
    "LimitRequestBody": "0",
    "LimitRequestFieldSize": "65536",
    "LimitRequestLine": "65536",
    "WSGIChunkedRequest": "On",
}


def mod_wsgi(place: Place, daemon: str = "", **settings: str | None) -> int:
    """Start Apache with the app in mod_wsgi."""
    port = place.port()
    modules = "/usr/lib/apache2/modules"
    loaded = ("mpm_event", "authz_core", "reqtimeout", "wsgi")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lines = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in loaded]
    lines[-1] += f"-{version}"
    lines += [f"{name} {value}" for name, value in {**APACHE, **settings}.items() if value is not None]
    code = ":".join(
        [
            *place.environment["PYTHONPATH"].split(os.pathsep),
            *(path for path in sys.path if "site-packages" in path),
        ]
    )
    lines += [
        f"WSGISocketPrefix {place.folder}/wsgi",
        f"WSGIDaemonProcess planted processes=2 threads=12 python-path={code} {daemon}",
        f"WSGIScriptAlias / {ROOT}/benchmark/planted/app.py",
        f"<Directory {ROOT}/benchmark/planted>",
        "WSGIProcessGroup planted\nWSGIApplicationGroup %{GLOBAL}\nRequire all granted",
        "</Directory>",
    ]
    return place.answers(place.start(apache_command(place, port, lines, as_other=True), port))


def apache_command(place: Place, port: int, lines: list[str], as_other: bool = False) -> list[str | Path]:
    """Return the command of an Apache with these lines; as another user than root, which it refuses."""
    first = [
        "ServerName localhost", f"ServerRoot {place.folder}", f"DefaultRuntimeDir {place.folder}",
        f"PidFile {place.folder}/apache.pid", "ErrorLog /dev/stderr", f"Listen {HOST}:{port}",
    ]  # fmt: skip
    path = place.write("apache.conf", "\n".join([*first, *lines, ""]))
    command: list[str | Path] = [program("apache2"), "-D", "FOREGROUND", "-f", path]
    if os.geteuid() != 0:
        return command
    if as_other:
        return ["unshare", "--user", "--map-user=33", "--map-group=33", *command]
    return [*command, "-c", "User nobody", "-c", "Group nogroup"]
