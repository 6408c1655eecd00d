"""The parts of a script that shows what a client believes: a tiny server, and what drives the client."""

SERVER = """
arrived = []  # of each request: its verb, its body, the status of its answer


def chunks(stream, request):
    while size := int(stream.readline().partition(b";")[0], 16):
        yield from pieces(stream, request, size)
        stream.readline()
    while stream.readline().strip():
        pass


def pieces(stream, request, left):
    while left and (piece := stream.read1(min(left, request.wanted))):
        left -= len(piece)
        yield piece
    if left:
        raise EOFError


def serve(connection, path):
    if context:
        connection = context.wrap_socket(connection, server_side=True)
    try:
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline().split():
                if len(line) != 3:
                    return print("The server got bytes that are no request:", line[:1])
                head = {}
                while (field := stream.readline().decode("latin-1")).strip():
                    name, _, value = field.partition(":")
                    head[name.lower()] = value.strip()
                if line[1] == b"/first":
                    answer(connection, 200, "welcome", ())
                    continue
                request = SimpleNamespace(verb=line[0].decode(), body=bytearray(), status=None, wanted=0)
                arrived.append(request)
                if "chunked" in head.get("transfer-encoding", ""):
                    body = chunks(stream, request)
                else:
                    body = pieces(stream, request, int(head.get("content-length", 0)))
                turn = TURNS.pop(0) if TURNS else [("take", None, 0, True), ("answer", 201, "stored", ())]
                for step in turn:
                    if not do(step, connection, head, body, request, path):
                        return
    except (OSError, EOFError, ValueError):
        pass  # the client has gone


def do(step, connection, head, body, request, path):
    match step:
        case "take", most, each_second, asks:
            if most != 0 and asks and "expect" in head and not request.body:
                connection.sendall(b"HTTP/1.1 100 Continue\\r\\n\\r\\n")
            left = most if most is not None else sys.maxsize
            connection.settimeout(5)
            try:
                while left > 0:
                    request.wanted = min(left, each_second or 65536)
                    if not (piece := next(body, b"")):
                        break
                    request.body += piece
                    left -= len(piece)
                    time.sleep(len(piece) / each_second if each_second else 0)
            except TimeoutError:
                request.status = request.status or 408
                answer(connection, 408, "the rest of the body did not come", ())
                return False
            connection.settimeout(None)
        case "answer", status, words, lines:
            request.status = status
            answer(connection, status, words, lines)
        case "pause", seconds:
            time.sleep(seconds)
        case "hold",:
            time.sleep(3600)
        case "resize", by:
            os.truncate(path, os.path.getsize(path) + by)
        case "close", reset:
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
    return True


def answer(connection, status, words, lines):
    head = [f"HTTP/1.1 {status} -", f"Content-Length: {len(words)}", *lines]
    connection.sendall("\\r\\n".join([*head, "", words]).encode())


def accept(listener, path):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], path), daemon=True).start()
"""
TLS = """
import ssl
import subprocess

CERTIFICATE = os.path.join(tempfile.mkdtemp(), "certificate.pem")
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1",
     "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", CERTIFICATE + ".key", "-out", CERTIFICATE],
    check=True, capture_output=True,
)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERTIFICATE, CERTIFICATE + ".key")
"""
UPLOAD = """
class Answer(NamedTuple):
    status: int
    content: bytes = b""
    location: str = None
    seconds: float = None
    protocol: str = ""
    peak_rss_bytes: int = None


class Cannot(Exception):
    pass


class Upload(NamedTuple):
    url: str
    path: str
    size_bytes: int
    way: str
    verb: str
    headers: dict
    name: str
    source: str
    login: tuple
    expect: bool
    ca_file: str
    field: str = "file"
    others: list = []
    insecure: bool = False
    first_url: str = ""

    @property
    def verify(self):
        return self.ca_file or True

    @property
    def length(self):
        return {"Content-Length": str(self.size_bytes)}

    @property
    def others_by_name(self):
        return {}

    OPEN
    def blocks(self, count=1 << 20):
        with self.open() as file:
            while block := file.read(count):
                yield block

    async def async_blocks(self, count=1 << 20):
        with self.open() as file:
            while block := await awaited(file.read(count)):
                yield block
"""
FILE = """\
    def open(self):
        return open(self.path, "rb")

"""
OFFSET = """\
    def open(self):
        file = open(self.path, "rb")
        file.seek(1000)
        return file

"""
TEXT = """\
    def open(self):
        return open(self.path, encoding="utf-8")

"""
PIPE = """\
    def open(self):
        out, into = os.pipe()

        def write():
            with open(self.path, "rb") as file, open(into, "wb") as pipe:
                pipe.write(file.read())

        threading.Thread(target=write, daemon=True).start()
        return open(out, "rb")

"""
ASYNC = """\
    def open(self):
        file = open(self.path, "rb")

        class AsyncFile:
            async def read(self, count=-1):
                return file.read(count)

            async def __aenter__(self):
                return self

            __enter__ = lambda self: self
            __aiter__ = lambda self: self

            async def __aexit__(self, *error):
                file.close()

            def __exit__(self, *error):
                file.close()

            async def __anext__(self):
                if line := file.readline():
                    return line
                raise StopAsyncIteration

        return AsyncFile()

"""
UPLOAD_SOURCES = {"file": FILE, "offset": OFFSET, "text": TEXT, "pipe": PIPE, "async": ASYNC}
"""How a script opens a file of each of the sources of ``sending.clients.sources``."""
DRIVER = '''
SECONDS = {seconds}  # after which a client does not end


async def awaited(value):
    return await value if inspect.isawaitable(value) else value


async def send(upload, ready, get):
    await awaited(ready(upload) if ready else None)
    async with contextlib.AsyncExitStack() as stack:
        opened = session(upload)
        if hasattr(opened, "__aenter__"):
            opened = await stack.enter_async_context(opened)
        else:
            opened = stack.enter_context(opened)
        await awaited(get(opened, upload.first_url) if get else None)
        return await awaited({way}(opened, upload))


def report(words):
    """Print both sides, and end: some clients never do."""
    time.sleep(1)  # for what is still on its way
    print("The client believes:", words)
    for request in arrived:
        whole = "all of the file" if CONTENT in request.body else "not all of the file"
        print(f"The server has of {{request.verb}}, which it answered with {{request.status}}:",
              f"{{len(request.body)}} bytes, {{whole}} ({{len(CONTENT)}} bytes)")
    sys.stdout.flush()
    os._exit(0)


def main():
    path = os.path.join(tempfile.mkdtemp(), "file")
    with open(path, "wb") as file:
        file.write(CONTENT)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    threading.Thread(target=accept, args=(listener, path), daemon=True).start()
    place = f"{{'https' if context else 'http'}}://127.0.0.1:{{listener.getsockname()[1]}}"
    upload = Upload(
        place + "/upload", path, len(CONTENT), ca_file=CERTIFICATE, first_url=place + {first!r}, **{job!r}
    )
    timer = threading.Timer(SECONDS, report, [f"nothing: it has not ended after {{SECONDS}} s"])
    timer.daemon = True
    timer.start()
    try:
        words = f"{{asyncio.run(send(upload, {ready}, {get})).status}}"
    except BaseException as error:
        words = f"it failed: {{error!r}}"
    timer.cancel()
    report(words)


main()
'''
