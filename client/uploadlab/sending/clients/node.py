"""Node: `fetch`, `node:http2` and tus-js-client, in one process that stays up."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from uploadlab.sending.clients.frame import Answer, Cannot, Upload, serve, unavailable, way
from uploadlab.sending.clients.tus_js import is_sent_by_tus_js, tus_js_package, tus_js_version

SCRIPT = Path(__file__).with_name("node.mjs")
AT_LEAST = 18
"""The first that has fetch without a flag."""
COMMANDS = ("node", "nodejs")
LACKS = {
    "login": "fetch answers no request for a login",
    "expect": "fetch refuses the header Expect",
}


class NodeError(Exception):
    """An error in Node, in its words."""


class Node:
    """A Node that does what it is asked for, by a JSON line each way."""

    upload: Upload

    def __init__(self, command: str) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "UV_"))
        }
        self._process = subprocess.Popen(
            [command, "--expose-gc", str(SCRIPT)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid

    def ask(self, what: str) -> dict[str, Any]:
        """Have the upload made, or what is beside it; return Node's words. Raise NodeError, Cannot."""
        stdin, stdout = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        job = {"ask": what, **self.upload._asdict()}
        if is_sent_by_tus_js(what):
            job["tus"] = str(tus_js_package())
        with contextlib.suppress(BrokenPipeError):  # then it has ended, and there is no answer
            stdin.write(json.dumps(job).encode() + b"\n")
            stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline() or b'{"error": "Node has ended"}')
        if "cannot" in answer:
            raise Cannot(answer["cannot"])
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer

    def is_running(self) -> bool:
        """Return whether it has not ended."""
        return self._process.poll() is None


NODES: list[Node] = []
"""The one that runs."""


def ready(upload: Upload) -> None:
    """Start Node, if it does not run; raise Cannot."""
    if upload.source != "file":
        raise Cannot("Node's ways open the file by its name, and send it from its start")
    if not (NODES and NODES[0].is_running()):
        NODES[:] = [Node(next(filter(shutil.which, COMMANDS)))]


@contextlib.contextmanager
def session(upload: Upload) -> Iterator[Node]:
    """Yield Node, whose connections end with the upload."""
    node = NODES[0]
    node.upload = upload
    try:
        yield node
    finally:
        node.ask("end")


def get(node: Node, url: str) -> None:
    """Use the connection once, by fetch."""
    node.ask("get")


@way
def stream(node: Node, upload: Upload) -> Answer:
    """Send a Blob of `fs.openAsBlob()` by `fetch`, which knows its length."""
    return _answer(node, upload)


@way
def stream_length(node: Node, upload: Upload) -> Answer:
    """Send a file stream (`Readable.toWeb()`) by `fetch` with a header `Content-Length`."""
    return _answer(node, upload)


@way
def stream_h2(node: Node, upload: Upload) -> Answer:
    """Send a file stream by `node:http2`: `fetch` does not use HTTP/2 by default."""
    return _answer(node, upload)


@way
def chunked(node: Node, upload: Upload) -> Answer:
    """Send a file stream (`Readable.toWeb()`) by `fetch`, in blocks of 64 KiB: the length is unknown."""
    return _answer(node, upload)


@way
def chunked_1m(node: Node, upload: Upload) -> Answer:
    """Send as `chunked` a file stream whose `highWaterMark` is 1 MiB."""
    return _answer(node, upload)


@way
def form(node: Node, upload: Upload) -> Answer:
    """Send a FormData with a Blob of `fs.openAsBlob()` by `fetch`."""
    return _answer(node, upload)


@way
def form_readfile(node: Node, upload: Upload) -> Answer:
    """Send a FormData with a Blob of what `readFile()` returns by `fetch`: the whole file is in memory."""
    return _answer(node, upload)


@way
def resumable(node: Node, upload: Upload) -> Answer:
    """Send by tus-js-client, from `fs.createReadStream()`, all by one PATCH, as by default."""
    return _answer(node, upload)


@way
def resumable_8m(node: Node, upload: Upload) -> Answer:
    """Send by tus-js-client with `chunkSize` of 8 MiB: a PATCH each."""
    return _answer(node, upload)


CANNOT = {"form-docs": "Node's documentation has no example of a form with a file"}


def _answer(node: Node, upload: Upload) -> Answer:
    answer = node.ask(upload.way)
    return Answer(**{**answer, "content": answer["content"].encode("latin-1")})


def main() -> None:
    """Make uploads, if Node is there."""
    command = next(filter(shutil.which, COMMANDS), None)
    if command is None:
        return unavailable("Node is not installed")
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    version = said.strip().removeprefix("v")
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < AT_LEAST:
        return unavailable(f"Node {AT_LEAST} or newer is needed, not {version!r}")
    versions = {"node": version, **tus_js_version()}
    return serve(session, get, versions, lambda: [node.pid for node in NODES], LACKS, ready)


if __name__ == "__main__":
    main()
