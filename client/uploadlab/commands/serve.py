"""The command ``serve``: one deployment in the foreground."""

import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence

import click

from uploadlab.commands import options
from uploadlab.commands.value_types import Names
from uploadlab.declared.compose import load_deployments, load_needs
from uploadlab.declared.links import chosen_links
from uploadlab.declared.variants import extended
from uploadlab.errors import LabError, UsageError
from uploadlab.measuring.health import check_targets
from uploadlab.model.deployments import Target
from uploadlab.model.links import Link
from uploadlab.paths import COMPOSE, ROOT, default_data_dir, in_container
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import private_parts
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import address_of, in_url, is_loopback, is_unspecified, numeric
from uploadlab.runtimes.link.lines import Links
from uploadlab.runtimes.local import HOST, LocalRuntime, Scratch
from uploadlab.selection import check
from uploadlab.sending.crew import Crew
from uploadlab.session import install_servers
from uploadlab.units import parse_size

POLL_SECONDS = 0.5
LIMIT = "10GiB"
"""As in the recipes: large enough for a file of this lab, and no single body fills a disk."""
RESERVE = "1GB"
"""What the host itself needs to go on: logs, temporary files, the uploads' own names."""
NO_LIMIT = ("none", "0")
ROUTES = {"profiling": "PROFILING", "usage": "USAGE"}
"""What others may only reach where it is named, by the variable that switches it on."""


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab serve uwsgi-tuned      then: curl -T FILE localhost:5004/request-stream
  PORT=5010 lab serve flask  on another port
  lab serve flask --host :: --limit 100MB --reserve 5GB
  ALLOWED_HOSTS=lab.example.org lab serve flask --host ::   also by this name
  lab serve gunicorn --link mobile   try your own client on a bad line
""",
)
@click.argument("name")
@click.option("--host", default=HOST, show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--limit", default=LIMIT, show_default=True, metavar="SIZE",
    help="Refuse larger bodies with 413: 100M or 100MiB; none: no limit.",
)  # fmt: skip
@click.option(
    "--reserve", default=RESERVE, show_default=True, metavar="SIZE",
    help="Keep this much of the disk free: refuse uploads with 507; none: fill it.",
)  # fmt: skip
@click.option(
    "--open", "opened", type=click.Choice(list(ROUTES)), multiple=True,
    help="Also let other hosts use these routes (repeatable).",
)  # fmt: skip
@click.option("--link", "links", type=Names(), help="Also serve over these links of configs/links.toml.")
@click.option("--seed", type=int, metavar="N", help="Where a link cuts and stalls.  [default: random]")
def command(
    name: str,
    host: str,
    limit: str,
    reserve: str,
    opened: tuple[str, ...],
    links: list[str] | None,
    seed: int | None,
) -> None:
    """Serve one deployment until Ctrl-C.

    NAME is a deployment of compose.yaml, or of a config with that name in configs/. It listens on its own
    port, or on $PORT. On loopback, profiling and /usage are on; on other addresses only the routes that
    --open names. --link adds an address on loopback for each link. Uploads are removed at the end.
    """
    if in_container():
        raise UsageError("serve starts a process of the host: write ./scripts/lab serve there")
    declared = extended(load_deployments(COMPOSE), [name], ROOT)
    check("deployment", name, declared)
    address = _address(host)
    on = ROUTES if is_loopback(address) else opened
    settings = {variable: "1" if route in on else "0" for route, variable in ROUTES.items()}
    settings |= {
        "MAX_CONTENT_LENGTH": _bytes("--limit", limit),
        "RESERVE_BYTES": _bytes("--reserve", reserve),
    }
    settings["ALLOWED_HOSTS"] = _names(host, address)
    behind = chosen_links(links or [])
    if seed is not None and not behind:
        raise UsageError("--seed places the cuts of a link: add --link NAME")
    port = _port(name, address, declared[name].port)
    screen = Screen()
    if not is_loopback(address):
        screen.note(
            f"Anyone who can reach {in_url(address)}:{port} can fill this disk up to its reserve, {reserve}, "
            "and read or remove an upload whose id they know: check your firewall. "
            f"Other routes that they can use (--open): {', '.join(on) or 'none'}."
        )
    with Processes() as processes:
        install_servers(processes, [declared[name]])
        scratch = Scratch.make(processes, default_data_dir(), f"serve-{name}")
        runtime = LocalRuntime(processes, scratch, None, load_needs(COMPOSE), settings, screen.note)
        target = runtime.start_one(declared[name], port, address)
        (checked,), _ = check_targets([target], Crew(processes), runtime.explain)
        if checked.unavailable:
            raise LabError(f"{name}: {checked.unavailable}")
        trusted = private_parts(target.url).ca_file
        if trusted:
            screen.note(f"Its certificate is of this start: curl --cacert {trusted} {target.url}/healthz")
        for note in _open_lines(
            Links(processes), behind, target, secrets.randbelow(2**32) if seed is None else seed
        ):
            screen.note(note)
        screen.note(f"{name} answers on {target.url} storing in {scratch.data_dir / name}; Ctrl-C ends it.")
        while not (ended := runtime.explain(name)):
            time.sleep(POLL_SECONDS)
        raise LabError(f"{name}: {ended}")


def _open_lines(opener: Links, links: Sequence[Link], target: Target, seed: int) -> Iterator[str]:
    """Open a line over each link, and yield what to print of it; raise LabError."""
    host, port = address_of(target.url)
    scheme, _, _ = target.url.partition(":")
    for link in links:
        line = opener.open(link, host, port, f"{seed}/{link.name}")
        events = {"cuts": len(link.cuts), "stalls": len(link.stalls)}
        happens = " and ".join(f"{count} {what}" for what, count in events.items() if count)
        once = f"; {happens} come once, placed by --seed {seed}" if happens else ""
        yield (
            f"Over {link.name}, {link.title}: {scheme}://{line.host}:{line.port} "
            f"is one line for all connections{once}."
        )


def _bytes(option: str, size: str) -> str:
    """Return a size as servers read it: the number of bytes, empty for none; raise UsageError."""
    try:
        return "" if size.lower() in NO_LIMIT else str(parse_size(size))
    except UsageError as error:
        raise UsageError(f"{option}: {error}, or none") from None


def _address(host: str) -> str:
    """Return the address to listen on, without brackets; raise UsageError if the host has none."""
    example = f"write --host {HOST}, or --host :: for all addresses"
    if "%" in host:
        raise UsageError(f"--host {host}: uWSGI and nginx listen on no address with a zone; {example}")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return numeric(bare) if bare else HOST
    except OSError as error:
        raise UsageError(f"--host {host}: {error.strerror}; {example}") from None
    except UnicodeError:
        raise UsageError(f"--host {host} is no name of a host; {example}") from None


def _names(host: str, address: str) -> str:
    """Return the names that clients may use: --host, this host's if it listens on all, ALLOWED_HOSTS."""
    own = [socket.gethostname(), socket.getfqdn()] if is_unspecified(address) else []
    return " ".join(dict.fromkeys([host.strip("[]"), *own, *os.environ.get("ALLOWED_HOSTS", "").split()]))


def _port(name: str, host: str, declared: int) -> int:
    """Return the port to serve on; raise UsageError if it is no port, LabError if it is not free."""
    text = os.environ.get("PORT", str(declared))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"PORT={text!r} is not a port: PORT=5010 ./scripts/lab serve {name}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((host, int(text)))
        except OSError as error:
            hint = f"take another: PORT=5010 ./scripts/lab serve {name}"
            raise LabError(f"{in_url(host)}:{text}: {error.strerror}; {hint}") from None
    return int(text)
