"""The body of a request at an ASGI server, as a WSGI input that ends by itself and notices a cut.

a2wsgi hands a WSGI app's input on from ``receive()``. It does not set ``wsgi.input_terminated``, so that
Werkzeug gives the app an empty stream for a chunked body: a 2xx with no byte stored. It takes
``http.disconnect`` for the end of the body, so that a body that was cut passes for whole (a2wsgi 1.10.10).
``WholeBodies`` before a2wsgi and ``terminated.TerminatedBody`` behind it close these gaps. It needs no Flask.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]
REFUSED = 400
"""Statuses from here on may leave the body unread."""


class ArrivingBody:
    """The body's messages, up to the last one, or to an error that stays."""

    def __init__(self, receive: Receive, silence_seconds: float) -> None:
        self._receive, self._silence_seconds = receive, silence_seconds
        self._error: OSError | None = None
        self.has_more = True

    async def receive(self) -> Message:
        """Return the next message; raise TimeoutError for a silent client, ConnectionError for a cut body."""
        if not self.has_more:
            return await self._receive()
        if self._error:
            raise self._error
        try:
            message = await asyncio.wait_for(self._receive(), self._silence_seconds)
        except TimeoutError as error:
            self._error = error
            raise
        if message["type"] == "http.disconnect":
            self._error = ConnectionError("the client has gone before the body's end")
            raise self._error
        self.has_more = message.get("more_body", False)
        return message

    async def drop_rest(self, seconds: float) -> None:
        """Read on until the body ends, that much time has passed, or the client has gone."""
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(seconds):
                while self.has_more:
                    await self.receive()


class WholeBodies:
    """ASGI middleware whose app sees the end of a body only where the client has sent all of it.

    It also reads on after a refusal, for ``linger_seconds``: ASGI servers close a connection with unread
    bytes as soon as the answer is sent, so that a client that still sends finds a reset in its place.
    """

    def __init__(self, app: AsgiApp, silence_seconds: float, linger_seconds: float) -> None:
        self._app = app
        self._silence_seconds, self._linger_seconds = silence_seconds, linger_seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Call the app, as ASGI calls an app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = ArrivingBody(receive, self._silence_seconds)
        head: Message = {}
        is_sent = False

        async def send_on(message: Message) -> None:
            nonlocal head, is_sent
            if message["type"] == "http.response.start":
                head = message
                return
            if not is_sent:  # with the first part: a server that closes in between would send the head alone
                is_sent = True
                await send(head)
            if head["status"] >= REFUSED and not message.get("more_body"):
                await body.drop_rest(self._linger_seconds)
            await send(message)

        await self._app(scope, body.receive, send_on)
