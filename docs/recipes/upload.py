"""Uploads a file as it is: python upload.py FILE URL."""

import base64
import hashlib
import ipaddress
import json
import os
import re
import socket
import stat
import sys
import time
import unicodedata
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from rich import progress
from rich.console import Console
from rich.markup import escape
from urllib3.exceptions import HTTPError

BLOCK_BYTES = 1 << 20
SILENCE_SECONDS = 60, 600  # for a connection; then for a block to leave, or the answer. By default, for ever
PAUSES_SECONDS = (1, 2, 4)  # before a further attempt
PASSING = (429, 502, 503, 504)  # too much to do; or what a proxy says while the server behind it starts
MOST_ANSWER_BYTES = 64 << 10  # a server may send without an end
MOST_CHARACTERS = 1000  # of a line that is printed
UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, right-to-left and other marks, half characters
COLUMNS = (
    "{task.description}",
    progress.BarColumn(),
    progress.DownloadColumn(),
    progress.TimeRemainingColumn(),
)

console = Console(stderr=True)


class UploadError(Exception):
    """Why the file is not stored, in one line that is safe to print."""

    def __init__(self, words):
        super().__init__(plain(words))


class Passing(UploadError):
    """Something that may be over in a moment."""


class Source:
    """The file while it is sent: no more than the size that it had, and no less.

    What has no size, such as a pipe, is sent in chunks until it ends.
    """

    def __init__(self, path):
        mode = Path(path).stat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise UploadError(f"{path} is a device, and may never end: save its content to a file")
        self.path = path
        self.size_bytes, self.sent_bytes, self.ended = None, 0, False
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115  closed by "with"; by blocks, and what a pipe has at once

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def start(self, advance):
        """Go to its beginning, and call advance() with each number of bytes that is read."""
        about = os.fstat(self.file.fileno())
        is_file, self.size_bytes = stat.S_ISREG(about.st_mode), None
        self.sent_bytes, self.ended, self.advance = 0, False, advance
        if is_file and (about.st_size or not self._get(1)):  # a file in /proc has content, but no size
            self.size_bytes = about.st_size
        if is_file:
            self.file.seek(0)

    def digest(self):
        """The header by which a server can refuse all other bytes (RFC 9530); a pipe cannot be read twice."""
        if self.size_bytes is None:
            return {}
        found, left = hashlib.sha256(), self.size_bytes
        while left and (block := self._get(min(left, BLOCK_BYTES))):
            found.update(block)
            left -= len(block)
        self.file.seek(0)
        return {"Repr-Digest": f"sha-256=:{base64.b64encode(found.digest()).decode()}:"}

    @property
    def can_start(self):
        """Whether it can be sent from its beginning: what a pipe has given is gone."""
        return not self.sent_bytes or self.file.seekable()

    @property
    def len(self):
        """What is left, as requests and requests-toolbelt ask for it."""
        if self.size_bytes is None:
            raise AttributeError("no size")
        return self.size_bytes - self.sent_bytes

    def read(self, count=-1):
        """The next block; raises UploadError for a file that ends early, or cannot be read."""
        if self.size_bytes is not None:
            count = self.len if count < 0 else min(count, self.len)
        block = self._get(count)
        if count and not block:
            if self.size_bytes is not None:
                had = f"after {self.sent_bytes} of its {self.size_bytes} bytes"
                raise UploadError(f"{self.path} ended {had}: send it again when nothing changes it")
            self.ended = True
        self.sent_bytes += len(block)
        self.advance(len(block))
        return block

    def __iter__(self):
        return iter(partial(self.read, BLOCK_BYTES), b"")

    @property
    def is_sent(self):
        """Whether it was read to its end."""
        return self.ended if self.size_bytes is None else not self.len

    def has_more(self):
        """Whether there is more in the file than was sent."""
        return self.size_bytes is not None and bool(self._get(1))

    def _get(self, count):
        try:
            return self.file.read(count)
        except OSError as error:  # not to be taken for one of the connection
            raise UploadError(f"cannot read {self.path}: {error.strerror}") from error


def upload(path, url, body=None):
    """Send a file, if need be again from its start; returns the server's answer.

    Raises UploadError, or OSError for a file that cannot be opened. Where only the answer was lost, a further
    attempt stores a second copy.
    """
    with Source(path) as source:
        for pause in PAUSES_SECONDS:
            try:
                return attempt(source, url, body or raw)
            except Passing as error:
                if not source.can_start:
                    raise
                with console.status(escape(f"{error}; again in {pause} s")):
                    time.sleep(pause)
        return attempt(source, url, body or raw)


def raw(source):
    """What requests needs to send the file as the body."""
    return {
        "method": "PUT",
        "data": b"" if source.size_bytes == 0 else source,  # requests would send an empty file in chunks
        "headers": {"Content-Type": "application/octet-stream", **source.digest()},
    }


def attempt(source, url, body):
    """Send the file once; raises as upload(), and Passing."""
    with progress.Progress(*COLUMNS, console=console, transient=True, disable=not console.is_terminal) as bar:
        source.start(partial(bar.advance, bar.add_task("Uploading", total=None)))
        bar.update(bar.task_ids[0], total=source.size_bytes)
        answer = send(url, body(source))
    stored, sent = answer.get("size_bytes"), source.sent_bytes
    if stored != sent or not source.is_sent:
        size = source.size_bytes if source.size_bytes is not None else f"at least {sent}"
        raise UploadError(f"{url} stored {stored} of {size} bytes")
    if source.has_more():
        say(f"{source.path} grew while it was sent: its first {sent} bytes are stored", sys.stderr)
    return answer


def send(url, request):
    """The JSON of a 201; raises UploadError for any other answer, and Passing for none."""
    # A session of its own: uWSGI closes a connection after each answer without saying so.
    proxy, where = "", url
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, Blocks())
        session.headers["Accept-Encoding"] = "identity"  # a small answer cannot become a large one
        try:
            session.trust_env = not is_loopback(url)  # no proxy reaches this host's own loopback
            proxy = proxy_of(url) if session.trust_env else ""
            where = f"{url} through the proxy {proxy}" if proxy else url
            # No redirect: it could send the file to any host, of this network, too.
            how = {"timeout": SILENCE_SECONDS, "allow_redirects": False, "stream": True}
            response = session.request(url=url, **how, **request)
            answer = content(response)
        except requests.ReadTimeout as error:  # not to be repeated: the file may be stored
            raise UploadError(f"{where} took the file and gave no answer in time") from error
        except requests.exceptions.ProxyError as error:
            raise Passing(f"the proxy {proxy}: {cause(error)}; without it: no_proxy='*'") from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Passing(f"{where}: {cause(error)}") from error
        except ValueError as error:  # of requests and of urllib3
            if proxy:
                raise UploadError(f"{where}: {cause(error)}; without it: no_proxy='*'") from error
            raise UploadError(f"{where} is no address: {cause(error)}; write http://HOST/PATH") from error
        except requests.RequestException as error:
            raise UploadError(f"{where}: {cause(error)}") from error
    status = response.status_code
    if 300 <= status < 400:
        place = response.headers.get("Location", "nowhere")
        raise UploadError(f"{where} answered {status}, and no redirect is followed; it leads to {place}")
    if status != 201:
        kind = Passing if status in PASSING else UploadError
        why = f": {answer['error']}" if answer.get("error") else f" {response.reason}, expected 201"
        raise kind(f"{where} answered {status}{why}")
    return answer


def content(response):
    """The object in an answer; an empty one where a proxy answers with a page, or the answer is cut."""
    try:
        return dict(json.loads(response.raw.read(MOST_ANSWER_BYTES, decode_content=False)))
    except (HTTPError, ValueError, TypeError, RecursionError):
        return {}


def is_loopback(url):
    """Whether only this host reaches it; a name is not looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)  # knows 127.1, too
        address = ipaddress.ip_address(found[0][4][0])
    except (OSError, ValueError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def proxy_of(url):
    """The proxy that the environment names for it, without its password; empty for none."""
    return (select_proxy(url, get_environ_proxies(url)) or "").rpartition("@")[2]


class Blocks(HTTPAdapter):
    """Sends 1 MiB at a time; by default 16 KiB, and then the client is the limit. Needs urllib3 2."""

    def init_poolmanager(self, *args, **kwargs):
        """As in requests, with a block size."""
        super().init_poolmanager(*args, blocksize=BLOCK_BYTES, **kwargs)

    def proxy_manager_for(self, proxy, **kwargs):
        """As in requests, with a block size."""
        return super().proxy_manager_for(proxy, blocksize=BLOCK_BYTES, **kwargs)


def cause(error):
    """The innermost reason: requests and urllib3 wrap it in long lines."""
    while error.__context__:
        error = error.__context__
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, (BrokenPipeError, ConnectionResetError)):
        # urllib3 2.2 reads a refusal that arrived before the reset; one that did not arrive is lost.
        return f"{words}; is the file larger than the server takes?"
    return words


def plain(words):
    """One line without passwords and controls: words of a server, or a name, could steer the terminal."""
    line = re.sub(r"//[^/\s]*@", "//", " ".join(str(words).splitlines()))
    if len(line) > MOST_CHARACTERS:
        line = line[:MOST_CHARACTERS] + "..."
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in UNSAFE else c for c in line)


def say(words, stream):
    """Print a line, if anyone can read it: a full or closed stream changes nothing about an upload."""
    line = plain(words) + "\n"
    with suppress(OSError, AttributeError):  # Python has None in place of a closed stream
        os.write(stream.fileno(), line.encode(errors="backslashreplace"))


def main(body=raw):
    """The command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} FILE URL")
    _, path, url = sys.argv
    try:
        answer = upload(path, url, body)
    except (UploadError, OSError) as error:
        say(f"not uploaded: {error}", sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        say("not uploaded: stopped", sys.stderr)
        sys.exit(130)
    say(f"{path}: {answer['size_bytes']} bytes stored as {answer.get('id')}", sys.stdout)


if __name__ == "__main__":
    main()
