"""Attempts of the check as a script of Python that needs nothing of the lab."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from uploadlab.catalogue.attempts import PAUSES, Attempt, Bystanders, Chunks, Then
from uploadlab.checking.literals import FileSlice, file_lines, file_parts, literal
from uploadlab.checking.wire import EXPECT_SECONDS, cut, request_head

MODULES = (
    "base64", "gzip", "hashlib", "http.client", "os", "pathlib", "select", "socket", "ssl", "struct",
    "threading", "time", "zlib",
)  # fmt: skip
MOST_HEAD_LINES, MOST_LINE_BYTES = 12, 120
"""A head with more is written as one expression."""
CONNECT = """\
def connect():
    return socket.create_connection((HOST, PORT), SECONDS)
"""
CONNECT_TLS = """\
def connect():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection((HOST, PORT), SECONDS), server_hostname=HOST)
"""
ASK = """\
connection = None


def ask(steps, file):
    global connection
    start = time.monotonic()
    try:
        connection = connection or connect()
        try:
            for step in steps():
                connection.sendall(step)
        except BrokenPipeError:
            pass  # the answer may have come before the end
        if connection.fileno() < 0:
            print("the client has gone")
            time.sleep(3)  # for the server to notice
        else:
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            words = answer.read(200)
            print(f"answered {answer.status} after {time.monotonic() - start:.1f} s: {words!r}")
            if answer.will_close:
                connection.close()
                connection = None
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {error!r}")
"""
STORED = """\
    stored = pathlib.Path("stored")
    if stored.exists():
        same = "the same" if stored.read_bytes() == file else "other"
        print(f"stored {stored.stat().st_size} of {len(file)} bytes, {same} bytes")
    else:
        print(f"stored nothing of {len(file)} bytes")
"""
"""What the script's own app has stored."""
CHUNKS = """\
def chunks(data, most, line="{size:x}\\r\\n", first=None, end=b"\\r\\n"):
    pieces = []
    for at in range(0, len(data), most):
        piece = data[at:at + most]
        head = (line if at or first is None else first).format(size=len(piece))
        pieces += [head.encode("latin-1"), piece, end]
    return b"".join(pieces)
"""
CROWD = """\
crowd = [connect() for _ in range({clients})]
for client in crowd:
    client.sendall({at_once})
time.sleep({before:g})
"""
STAY = """\


def stay():
    for _ in range({seconds}):
        time.sleep(1)
        for client in crowd:
            client.sendall({each_second})


threading.Thread(target=stay, daemon=True).start()
"""


def client_script(address: str, attempts: Sequence[Attempt], own_app: bool) -> str:
    """Return the script that makes these attempts over one connection, and prints how each ended.

    With ``own_app`` it prints what the app has stored, in a file ``stored`` beside the script.
    """
    url = urlsplit(address)
    secure = url.scheme == "https"
    files = dict.fromkeys(attempt.file for attempt in attempts)
    names = {file: f"file_{number}" if number else "file" for number, file in enumerate(files)}
    port = url.port or (443 if secure else 80)
    patience = max(attempt.patience_seconds for attempt in attempts)
    parts = [
        f'HOST, PORT = {url.hostname!r}, int(os.environ.get("PORT", "{port}"))\n'
        f"SECONDS = {patience:g}  # to wait for a silent server\n"
        + "\n".join(line for file, name in names.items() for line in file_lines(name, file))
        + "\n",
        CONNECT_TLS if secure else CONNECT,
        ASK.rstrip("\n") + "\n" + (STORED if own_app else ""),
    ]
    calls = ""
    for number, attempt in enumerate(attempts, 1):
        name = f"upload_{number}" if len(attempts) > 1 else "upload"
        steps = "\n    ".join(_steps(url, attempt, names[attempt.file]))
        parts.append(f"def {name}():\n    {steps}\n")
        calls += f"ask({name}, {names[attempt.file]})\n"
    if crowd := attempts[0].crowd:
        calls = _crowd(url, crowd, attempts[0].within_seconds or 0.0) + calls
    if any(" chunks(" in part for part in parts):
        parts.insert(1, CHUNKS)
    text = "\n\n".join([*parts, calls])
    used = [name for name in MODULES if re.search(rf"\b{re.escape(name)}\.", text)]
    return "\n".join([*(f"import {name}" for name in used), "", text])


def _steps(url: SplitResult, attempt: Attempt, file: str) -> Iterator[str]:
    """Yield the lines of a function that yields what is sent, and waits where the client does."""
    yield from _head_lines(request_head(url, attempt))
    if attempt.expect:
        yield f"if select.select([connection], [], [], {EXPECT_SECONDS:g})[0]:"
        yield '    if connection.recv(12, socket.MSG_PEEK) != b"HTTP/1.1 100":'
        yield "        return"
    parts: Any = file_parts(file, attempt.file)
    blocks = list(cut(attempt.body(parts), attempt))
    while blocks:
        loop = _loop_length(blocks)
        if loop > 2:
            yield from _loop(blocks[0], loop, blocks[1] is None, attempt)
            blocks = blocks[loop * (2 if blocks[1] is None else 1) :]
            continue
        block = blocks.pop(0)
        if block is None and attempt.torn:
            yield f"yield {literal(attempt.torn)}"
        if block is not None:
            yield f"yield {_sent(block, attempt)}"
        elif attempt.then in PAUSES or attempt.then is Then.BREAK:
            yield _between(attempt)
        else:
            break
    else:
        if attempt.chunked and attempt.chunks.last:
            yield f"yield {literal(attempt.chunks.last)}"
    yield from _end(attempt)


def _head_lines(head: bytes) -> list[str]:
    """Return how a head is sent, a line for each of its lines."""
    lines = head.splitlines(keepends=True)
    if len(lines) > MOST_HEAD_LINES or max(map(len, lines)) > MOST_LINE_BYTES:
        return [f"yield {literal(head)}"]
    return ["yield (", *(f"    {line!r}" for line in lines), ")"]


def _end(attempt: Attempt) -> Iterator[str]:
    """Yield how the client ends its side."""
    if attempt.then is Then.END:
        yield "connection.shutdown(socket.SHUT_WR)"
    if attempt.then is Then.RESET:
        yield 'connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST'
    if attempt.gone:
        yield "connection.close()"


def _between(attempt: Attempt) -> str:
    """Return what the client does in mid-body."""
    if attempt.then is Then.BREAK:
        return f"yield {literal(attempt.broken)}"
    return f"time.sleep({PAUSES[attempt.then or Then.PAUSE]:g})"


def _loop_length(blocks: Sequence[Any]) -> int:
    """Return how many slices of one length follow each other, all or none of them with a pause after it."""
    step = 2 if len(blocks) > 1 and blocks[1] is None else 1
    count, at = 1, 0
    while (
        isinstance(blocks[at], FileSlice)
        and at + step < len(blocks)
        and blocks[at].precedes(blocks[at + step])
        and (step == 1 or (at + step + 1 < len(blocks) and blocks[at + step + 1] is None))
    ):
        count, at = count + 1, at + step
    return count


def _loop(first: FileSlice, count: int, pauses: bool, attempt: Attempt) -> Iterator[str]:
    length = len(first)
    yield f"for at in range({first.start}, {first.start + count * length}, {length}):"
    piece = f"{first.name}[at:at + {length}]"
    yield f"    yield {_in_chunks(piece, length, attempt.chunks) if attempt.chunked else piece}"
    if pauses:
        yield f"    {_between(attempt)}"


def _sent(block: Any, attempt: Attempt) -> str:
    """Return the expression of a block as it is sent, in chunks if the body is chunked."""
    text = str(block) if isinstance(block, FileSlice) else literal(bytes(block))
    return _in_chunks(text, len(block), attempt.chunks) if attempt.chunked else text


def _in_chunks(text: str, length: int, chunks: Chunks) -> str:
    """Return the expression of a block in chunks: a single chunk as it is, several by a function."""
    if length <= chunks.most_bytes:
        line = chunks.line if chunks.first_line is None else chunks.first_line
        head = literal(line.format(size=length).encode("latin-1"))
        return " + ".join([head, text, *([literal(chunks.end)] if chunks.end else [])])
    usual = Chunks()
    given = {
        "line": chunks.line if chunks.line != usual.line else None,
        "first": chunks.first_line,
        "end": chunks.end if chunks.end != usual.end else None,
    }
    more = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    return f"chunks({text}, {chunks.most_bytes}{more})"


def _crowd(url: SplitResult, crowd: Bystanders, within_seconds: float) -> str:
    at_once = crowd.at_once.format(path=url.path or "/", host=url.netloc).encode()
    text = CROWD.format(clients=crowd.clients, at_once=literal(at_once), before=crowd.before_seconds)
    if not crowd.each_second:
        return text
    return text + STAY.format(seconds=int(within_seconds) + 1, each_second=literal(crowd.each_second)) + "\n"
