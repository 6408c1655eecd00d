"""Uploads a file as it is by aiohttp: python upload_aiohttp.py FILE URL."""

import asyncio

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    InvalidURL,
    NonHttpUrlClientError,
    ServerTimeoutError,
)

from sent_file import (
    CONNECT_SECONDS,
    MOST_ANSWER_BYTES,
    PAUSES_SECONDS,
    SILENCE_SECONDS,
    Passing,
    SentFile,
    UploadError,
    main,
)

# By default an upload may take 5 minutes in all.
TIMEOUT = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)


async def upload(path, url, progress=None):
    """Send a file, if need be again from its start; returns the server's answer.

    Raises UploadError, or OSError for a file that cannot be opened. Where only the answer was lost, a further
    attempt stores a second copy.
    """
    with SentFile(path, progress) as file:
        headers = await asyncio.to_thread(file.headers)
        for pause in PAUSES_SECONDS:
            try:
                return await attempt(file, url, headers)
            except Passing:
                await asyncio.sleep(pause)
        return await attempt(file, url, headers)


async def attempt(file, url, headers):
    """Send the file once; raises UploadError, and Passing."""
    try:
        # A session of its own: some servers close a connection after each answer without saying so. No
        # redirect is followed: it could lead to any host.
        async with ClientSession(timeout=TIMEOUT) as session:
            request = session.put(url, data=blocks(file), headers=headers, allow_redirects=False)
            async with request as response:
                content = await answered(response.content)
    except ServerTimeoutError as error:  # not to be repeated: the file may be stored
        raise UploadError(f"{url} gave no answer in time") from error
    except (InvalidURL, NonHttpUrlClientError) as error:
        raise UploadError(f"{url} is no address; write http://HOST/PATH") from error
    except ClientError as error:
        if isinstance(error.__cause__, UploadError):  # of the file
            raise error.__cause__ from None
        raise Passing(f"{url}: {str(error) or type(error).__name__}") from error
    return file.stored(url, response.status, content)


async def answered(stream):
    """The first bytes of an answer."""
    content = b""
    async for block in stream.iter_any():
        content += block
        if len(content) >= MOST_ANSWER_BYTES:
            break
    return content


async def blocks(file):
    """Yield the file, read in a thread: a slow disk must not hold up everything else.

    aiohttp would read an open file so, too, but by 256 KiB, and from wherever it is.
    """
    found = file.blocks()
    while block := await asyncio.to_thread(next, found, b""):
        yield block


if __name__ == "__main__":
    main(lambda *words: asyncio.run(upload(*words)))
