"""The clients people send with, and the methods that they make: read from the modules of sending/clients.

Their source is read, not imported: a client's library is only in the environment of its program.
"""

import ast
from pathlib import Path
from typing import NamedTuple

from uploadlab.catalogue.methods import FORM_METHOD, METHODS, Method, methods_at
from uploadlab.catalogue.resumable import RESUMABLE, resumable_at
from uploadlab.model.deployments import Deployment, Target
from uploadlab.paths import PACKAGES

PROGRAMS = PACKAGES / "uploadlab" / "sending" / "clients"
DECORATOR = "way"
OVER_HTTP2 = "-h2"
"""How the name of a way over HTTP/2 ends."""
RESUMABLE_KIND = "resumable"
"""The kind of way that goes on after its connection broke, over tus 1.0."""
KINDS = {
    "stream": ("/request-stream", "request.stream"),
    "chunked": ("/request-stream", "request.stream-chunked"),
    "form": ("/multipart-push", FORM_METHOD),
    RESUMABLE_KIND: (RESUMABLE["resumable"].route, "resumable"),
}
"""What a way's name begins with: the route that receives it, and the lab's method that sends the same."""


class ClientProgram(NamedTuple):
    """A library or program that sends, as its module declares it."""

    name: str
    title: str
    module: str
    """As ``python -m`` takes it."""
    ways: dict[str, str]
    """What they do, by their names."""
    cannot: dict[str, str]
    """Why it has no way of that name."""

    @property
    def methods(self) -> list[str]:
        """The names of its methods."""
        return [f"{self.name}.{way}" for way in self.ways]


def read_client(path: Path) -> ClientProgram:
    """Return the client that a module declares: its docstring, its ways, and what it cannot."""
    tree = ast.parse(path.read_text())
    ways = {
        node.name.replace("_", "-"): (ast.get_docstring(node) or "").strip()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(name, ast.Name) and name.id == DECORATOR for name in node.decorator_list)
    }
    cannot: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["CANNOT"]:
            cannot = ast.literal_eval(node.value)
    title = (ast.get_docstring(tree) or "").partition("\n")[0]
    module = f"uploadlab.sending.clients.{path.stem}"
    return ClientProgram(path.stem.replace("_", "-"), title, module, ways, cannot)


def _read_clients() -> dict[str, ClientProgram]:
    found = [read_client(path) for path in sorted(PROGRAMS.glob("*.py"))]
    return {client.name: client for client in found if client.ways}


def kind_of(way: str) -> str:
    """Return the kind of body that a way sends: ``stream``, ``chunked``, ``form`` or ``resumable``."""
    return way.partition("-")[0]


def sender_of(method: str) -> tuple[str, str]:
    """Return the client and the way of a method, also of a client that this lab does not have.

    The client of the lab's own methods is empty: their way is the method.
    """
    client, _, way = method.rpartition(".")
    return (client, way) if method not in LAB_METHODS and client and kind_of(way) in KINDS else ("", method)


def _method(client: ClientProgram, way: str) -> Method:
    kind = kind_of(way)
    route, like = KINDS[kind]
    return Method(
        f"{client.name}.{way}", route, client.ways[way], form=kind == "form", aside=True,
        client=client.name, way=way, like=like, http2=way.endswith(OVER_HTTP2),
    )  # fmt: skip


LAB_METHODS: dict[str, Method] = METHODS | RESUMABLE
"""What the lab's own client sends."""
CLIENTS: dict[str, ClientProgram] = _read_clients()
CLIENT_METHODS: dict[str, Method] = {
    made.name: made for client in CLIENTS.values() for made in (_method(client, way) for way in client.ways)
}
ALL_METHODS: dict[str, Method] = LAB_METHODS | CLIENT_METHODS
"""The lab's own, and those of all clients."""


def all_methods_at(place: Deployment | Target) -> list[str]:
    """Return the methods that the place accepts, those of all clients included."""
    own = [*methods_at(place), *resumable_at(place)]
    theirs = {name: method for name, method in CLIENT_METHODS.items() if place.tls or not method.http2}
    return own + [name for name, method in theirs.items() if method.like in own]


def sent_by(method: Method, client: str) -> Method:
    """Return a method as a client sends it: to the same route, by its way of the same name or kind.

    Raise KeyError, whose text says why, if it has no such way.
    """
    if method.goes_on:
        if method.name not in CLIENTS[client].ways:
            raise KeyError(f"{client} does not go on after a break in this way")
        return CLIENT_METHODS[f"{client}.{method.name}"]
    kind = "form" if method.form else "chunked" if method.name.endswith("chunked") else "stream"
    ways = CLIENTS[client].ways
    usual = (name for name in ways if not name.endswith(OVER_HTTP2))
    way = next((name for name in usual if kind_of(name) == kind), None)
    if way is None:
        raise KeyError(CLIENTS[client].cannot.get(kind, f"{client} sends no {kind}"))
    return CLIENT_METHODS[f"{client}.{way}"]._replace(route=method.route)
