"""A deployment as lines of a shell script: a small app behind the same server with the same config."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from uploadlab.model.deployments import CERTIFIER, Deployment, Service
from uploadlab.paths import ROOT

LAB_APP = "upload_app.wsgi"
"""The lab's app in commands and configs; ``app`` takes its place."""
APP_FILE, APP_FOLDER = "upload_app/wsgi.py", "$PWD/services/app"
"""The same where a server wants a file, and its folder."""
OURS = ("LAB_DEPLOYMENT", "NEXT_HOPS", "STRICT_FRAMING", "LINGER_SECONDS", "BLOCK_SIZE")
"""Variables that only the lab's app reads."""
PATHS = re.compile(r"(?:\$\{CONFIGS\}|configs|services)(/[\w.-]+)+")
MODULES = re.compile(r"\bupload_app\.(\w+)")
FRAMEWORK = ("flask", "werkzeug")
UNINSTALLED = ("python", "answered as", "apache", "mod_wsgi", "nginx", "haproxy", "caddy", "envoy")
"""Versions that name no package of Python's."""
WAIT = """\
until python3 - 2>/dev/null <<'END'
import http.client, os
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=5)
connection.request("GET", "/")
try:
    assert connection.getresponse().status not in (502, 503, 504)  # a front whose app has not started
except http.client.HTTPException:
    pass  # one that answers over TLS only
END
do kill -0 $! || { cat server.log; exit 1; }; sleep 0.2; done"""
APP = """\
import os

from flask import Flask, abort, request

os.chdir(os.path.dirname(os.path.abspath(__file__)))  # some servers start elsewhere
application = Flask(__name__)


@application.route("{path}", methods=["POST", "PUT"])
def upload():
    request.max_content_length = request.args.get("limit", type=int)
{receive}
    os.replace("part", "stored")
    return "stored", 201
"""
RAW = """\
    length = None if "Transfer-Encoding" in request.headers else request.content_length
    with open("part", "wb") as file:
        {read}
        if length not in (None, file.tell()):
            abort(400)"""
BLOCKS = 'file.writelines(iter(lambda: request.stream.read(65536), b""))'
LINES = "file.writelines(request.stream)"
FORM = '    request.files["file"].save("part")'
PUSHED = """\
    with open("part", "wb") as file:
        parser = PushMultipartParser(request.mimetype_params["boundary"])
        for event in parser.parse_blocking(request.stream.read, 65536):
            if isinstance(event, MultipartSegment):
                chosen = event.name == "file"
            elif event and chosen:
                file.write(event)"""
RECEIVERS = {
    "/request-stream": RAW.format(read=BLOCKS),
    "/request-stream?reader=lines": RAW.format(read=LINES),
    "/request-files": FORM,
    "/multipart-push": PUSHED,
}
"""What a small app does at a route of the lab's. Other routes have no small equivalent."""


def app_text(route: str, form: bool) -> str:
    """Return the small app for a route; without an equivalent, the usual app for that kind of body."""
    receive = RECEIVERS.get(route) or RECEIVERS["/request-files" if form else "/request-stream"]
    text = APP.format(path=route.partition("?")[0], receive=receive)
    if receive is PUSHED:
        text = text.replace(
            "\n\napp", "\nfrom multipart import MultipartSegment, PushMultipartParser\n\napp", 1
        )
    return text if receive in RAW or "abort(" in receive else text.replace(" abort,", "")


def server_lines(
    deployment: Deployment, texts: Mapping[str, str], versions: Mapping[str, str], app: str
) -> Iterator[str]:
    """Yield the lines that install and start it in an empty folder, and wait until it takes connections.

    ``texts`` are its configs by path as the run stored them.
    """
    packages = [
        f"{name}=={number}"
        for name, number in versions.items()
        if name not in UNINSTALLED and re.fullmatch(r"[\w.-]+=[\w.+-]+", f"{name}={number}")
    ]
    if deployment.tls:
        packages.append(CERTIFIER)  # no app loads it, so no version of it is known
    programs = [need for need in deployment.needs if need not in versions or need in UNINSTALLED]
    if others := [need for need in programs if need != CERTIFIER]:
        yield f"# Needs on the PATH: {', '.join(others)}"
    yield "VENV=${VENV:-$PWD/venv}  # one that has the packages may be given"
    yield f'[ -e "$VENV" ] || {{ python3 -m venv "$VENV"; "$VENV/bin/pip" install -q {" ".join(packages)}; }}'
    yield from _here_document("app.py", app)
    for path, text in sorted(_files(deployment, texts).items()):
        yield from _here_document(path, text)
    yield "mkdir -p tmp run"
    yield 'export HOST=127.0.0.1 PORT="${PORT:-8000}" PYTHONPATH="$PWD" PATH="$VENV/bin:$PATH:/usr/sbin"'
    yield 'export BIND="$HOST:$PORT" RUN_DIR="$PWD/run" DATA_DIR="$PWD" TMPDIR="$PWD/tmp" SILENCE_SECONDS=30'
    if deployment.tls:
        yield f'export CA_DIR="$PWD/run" LAB_DEPLOYMENT={deployment.name}'
    for service in deployment.services:
        yield from _start(service)
    yield WAIT


def _start(service: Service) -> Iterator[str]:
    settings = {**service.environment, "LAB_DEPLOYMENT": service.name}
    words = [f"{name}={_quoted(value)}" for name, value in settings.items() if name not in OURS]
    command = " ".join(_quoted(word.replace(LAB_APP, "app")) for word in service.command)
    run = " ".join(["env", *words, command] if words else [command])
    signal = service.stop_signal.removeprefix("SIG")
    yield f"{run} >>server.log 2>&1 &"
    yield f'stop="${{stop:-}}kill -s {signal} $! || true; "; trap "$stop" EXIT'


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w./:=,@%+-]+", word) else "'" + word.replace("'", "'\\''") + "'"


def _here_document(path: str, text: str) -> list[str]:
    folder = str(Path(path).parent)
    make = [f"mkdir -p {folder}"] if folder != "." else []
    lines = text.rstrip("\n").splitlines()
    end = next(word for word in (f"END{'.' * dots}" for dots in count()) if word not in lines)
    return [*make, f"cat >{path} <<'{end}'", *lines, end]


def _files(deployment: Deployment, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files that its commands name, and those that these name, without comments."""
    found: dict[str, str] = {}
    waiting: list[str] = [word for service in deployment.services for word in service.command]
    while waiting:
        for path in _named_files(waiting.pop()):
            if path in found:
                continue
            file = Path("services/app", path) if path.startswith("upload_app/") else Path(path)
            text = texts.get(path) or (ROOT / file).read_text()
            found[path] = _plain(text, path)
            waiting.append(found[path])
    return found


def _named_files(text: str) -> Iterator[str]:
    for match in PATHS.finditer(text):
        path = Path(match[0].replace("${CONFIGS}", "configs").rstrip("."))
        in_folder = (ROOT / path).glob("*.py") if (ROOT / path).is_dir() else ()
        modules = [path / file.name for file in in_folder if re.search(rf"\b{file.stem}\b", text)]
        candidates = [path, path.with_name(f"{path.name}.py"), *modules]
        yield from (str(found) for found in candidates if (ROOT / found).is_file())
    for module in MODULES.findall(text.replace(LAB_APP, "app")):
        if (ROOT / "services/app/upload_app" / f"{module}.py").is_file():
            yield from (f"upload_app/{module}.py", "upload_app/__init__.py")


def _plain(text: str, path: str) -> str:
    """Return a file without the lines that are comments, with the small app in place of the lab's."""
    marks: Sequence[str] = (";", "#") if path.endswith(".ini") else ("#",)
    lines = [
        line
        for number, line in enumerate(text.splitlines())
        if not line.lstrip().startswith(tuple(marks)) or (number == 0 and line.startswith("#!"))
    ]
    small = "\n".join(lines).replace(LAB_APP, "app").replace(APP_FILE, "app.py").replace(APP_FOLDER, "$PWD")
    return f"{small}\n"
