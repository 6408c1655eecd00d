"""The kinds of file that an upload may come from: what people hand to a library as "the file"."""

import os
import threading
from typing import BinaryIO, cast

OFFSET_BYTES = 1000
"""Where a file that is not at its start is."""
SOURCES = ("file", "offset", "pipe", "text", "async")


class AsyncFile:
    """A file whose ``read`` has to be awaited, as those of aiofiles and anyio."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  closed by close
        self.name = path

    async def read(self, count: int = -1) -> bytes:
        """Return the next bytes."""
        return self._file.read(count)

    async def __aenter__(self) -> "AsyncFile":
        return self

    async def __aexit__(self, *error: object) -> None:
        self._file.close()

    def __enter__(self) -> "AsyncFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __aiter__(self) -> "AsyncFile":
        return self

    async def __anext__(self) -> bytes:
        """Return the next line, as those libraries do."""
        if line := self._file.readline():
            return line
        raise StopAsyncIteration


def open_source(source: str, path: str) -> BinaryIO:
    """Open a file as one of SOURCES."""
    if source == "text":
        return cast(BinaryIO, open(path, encoding="utf-8"))
    if source == "async":
        return cast(BinaryIO, AsyncFile(path))
    if source == "pipe":
        return _piped(path)
    file: BinaryIO = open(path, "rb")  # noqa: SIM115  the caller's
    if source == "offset":
        file.seek(OFFSET_BYTES)
    return file


def _piped(path: str) -> BinaryIO:
    """Return the end of a pipe into which a thread writes the file's content."""
    out, into = os.pipe()

    def write() -> None:
        with open(path, "rb") as file, open(into, "wb") as pipe:
            try:
                while block := file.read(1 << 16):
                    pipe.write(block)
            except BrokenPipeError:
                pass

    threading.Thread(target=write, daemon=True).start()
    return open(out, "rb")
