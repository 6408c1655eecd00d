"""Starts the app and the front before it, and ends when the front ends. It needs no Flask.

    start.py configs/FRONT/NAME configs/gunicorn/NAME.conf.py

The folder of a front's config says which front it is. A front whose app has ended stays up, and answers as
it does. A config that names tls.pem gets one: the key and the certificate of this start, in RUN_DIR. Clients
check it by the certificate of its authority, CA_DIR/LAB_DEPLOYMENT.pem.
"""

import ipaddress
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from types import FrameType

NOBODY = ["-c", "User nobody", "-c", "Group nogroup"]
"""Apache refuses to answer as root. A proxy reads and writes no file once it has started."""
STOP_SECONDS = 3.0
"""For a server to end an upload; the lab gives a whole deployment 5 s."""
COMMANDS = {
    "nginx": "sh services/nginx/start.sh {config}",
    "haproxy": "haproxy -db -f {config}",  # -db: in the foreground
    "caddy": "caddy run --adapter caddyfile --config {config}",
    "apache": "apache2 -D FOREGROUND -f {folder}/{config}",
    # By default as many threads as the host has cores, and memory of a fixed name for the next Envoy.
    "envoy": "envoy --concurrency 2 --disable-hot-restart --log-level warning -c {filled}",
}
"""How a front is started, by the folder of its config."""
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
"""What a certificate can name."""
VERSIONS = {
    "nginx": "nginx -v",
    "haproxy": "haproxy -v",
    "caddy": "caddy version",
    "apache": "apache2 -v",
    "envoy": "envoy --version",
}
"""What prints the front's version, which the app reports at /healthz."""


def main(front_config: str, app_config: str) -> int:
    """Start both, and return the status of the front once it has ended."""
    any_family = str(os.environ["HOST"] == "::").lower()  # as Envoy writes what is true
    environment = {**os.environ, "ANY_FAMILY": any_family}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # what comes before gunicorn accepts waits; Apache would try a refused port rarely
        environment["APP_PORT"] = str(listener.getsockname()[1])
        if "tls.pem" in Path(front_config).read_text():
            make_certificate(environment)
        environment["FRONT_VERSION"] = front_version(Path(front_config).parent.name)
        app = start_app(app_config, listener, environment)
    front = subprocess.Popen(front_command(front_config, environment), env=environment)

    def stop(*_: int | FrameType | None) -> None:
        front.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=report_end, args=(app, front), daemon=True).start()
    status = front.wait()
    end(app)
    return status


def start_app(
    config: str, listener: socket.socket, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start gunicorn on a socket that is bound already: no other process can take its port meanwhile."""
    bind = {"BIND": f"fd://{listener.fileno()}"}
    command = ["gunicorn", "--config", config]
    return subprocess.Popen(command, env={**environment, **bind}, pass_fds=[listener.fileno()])


def front_version(kind: str) -> str:
    """Return name and version of a front; empty if it does not print one."""
    try:
        done = subprocess.run(
            shlex.split(VERSIONS.get(kind, "false")), capture_output=True, text=True, check=False
        )
    except OSError:
        return ""  # what starts it says so
    number = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return f"{kind} {number[0]}" if number else ""


def front_command(config: str, environment: Mapping[str, str]) -> Sequence[str]:
    """Return the command of the front whose config this is; raise SystemExit if there is none."""
    kind = Path(config).parent.name
    if kind not in COMMANDS:
        sys.exit(f"{config}: no front has a folder of that name, only {', '.join(COMMANDS)}")
    filled = Path(environment["RUN_DIR"]) / f"front{Path(config).suffix}"
    if "{filled}" in COMMANDS[kind]:  # all others read the environment by themselves
        filled.write_text(Template(Path(config).read_text()).safe_substitute(environment))
    places = {"config": config, "filled": filled, "folder": "" if Path(config).is_absolute() else Path.cwd()}
    words = [word.format(**places) for word in shlex.split(COMMANDS[kind])]
    return words + (NOBODY if kind == "apache" and os.geteuid() == 0 else [])


def make_certificate(environment: Mapping[str, str]) -> None:
    """Write the key and certificate of this start, and the authority's certificate for clients."""
    import trustme

    address = ipaddress.ip_address(environment["HOST"])
    hosts = (environment["LAB_DEPLOYMENT"], socket.gethostname())
    # A deployment that is changed for a comparison, as nginx-tls~gzip=on, is no name of a host.
    names = {"localhost", "127.0.0.1", "::1", *filter(HOST_NAME.fullmatch, hosts)}
    names |= set(environment.get("ALLOWED_HOSTS", "").split())
    names |= set() if address.is_unspecified else {str(address)}
    authority = trustme.CA()
    pem = Path(environment["RUN_DIR"]) / "tls.pem"
    pem.unlink(missing_ok=True)
    pem.touch(0o600)  # before there is a key in it
    authority.issue_cert(*sorted(names)).private_key_and_cert_chain_pem.write_to_path(pem)
    public = Path(environment["CA_DIR"]) / f"{environment['LAB_DEPLOYMENT']}.pem"
    new = public.with_suffix(".new")
    authority.cert_pem.write_to_path(new)
    new.replace(public)  # at once: a client reads all of it or none


def report_end(app: subprocess.Popen[bytes], front: subprocess.Popen[bytes]) -> None:
    """Print that the app has ended while its front runs."""
    status = app.wait()
    if front.poll() is None:
        print(f"The app behind the front ended with status {status}; the front stays up.", flush=True)


def end(app: subprocess.Popen[bytes]) -> None:
    """End the app: politely, then for good."""
    app.terminate()
    try:
        app.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        app.kill()


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except OSError as error:
        sys.exit(f"start.py: {error.filename}: {error.strerror}")
