"""Tornado, as the example of its WSGIContainer has it."""

import asyncio
import os

from tornado.httpserver import HTTPServer
from tornado.wsgi import WSGIContainer
from upload_app.wsgi import application


async def main() -> None:
    """Serve until the process ends."""
    server = HTTPServer(WSGIContainer(application))
    server.listen(int(os.environ["PORT"]), os.environ["HOST"])
    await asyncio.Event().wait()


asyncio.run(main())
