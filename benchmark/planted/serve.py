"""Starts a server that has no command line of its own: ``serve NAME ADDRESS PORT KEY=VALUE ...``."""

import asyncio
import json
import sys
from typing import Any

from benchmark.planted.app import application


def serve_cheroot(host: str, port: int, **options: Any) -> None:
    """Serve with Cheroot."""
    from cheroot import wsgi

    most_bytes = options.pop("max_request_body_size", 0)
    server = wsgi.Server((host, port), application, **options)
    server.max_request_body_size = most_bytes
    server.start()


def serve_gevent(host: str, port: int, **options: Any) -> None:
    """Serve with gevent's own server."""
    from gevent.pywsgi import WSGIServer

    WSGIServer((host, port), application, **options).serve_forever()


def serve_tornado(host: str, port: int, **options: Any) -> None:
    """Serve with Tornado's WSGIContainer, the app in threads."""
    from concurrent.futures import ThreadPoolExecutor

    from tornado.httpserver import HTTPServer
    from tornado.wsgi import WSGIContainer

    async def run() -> None:
        HTTPServer(WSGIContainer(application, ThreadPoolExecutor(20)), **options).listen(port, host)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    _, name, host, port, *words = sys.argv
    given = {key: json.loads(value) for key, _, value in (word.partition("=") for word in words)}
    {"cheroot": serve_cheroot, "gevent": serve_gevent, "tornado": serve_tornado}[name](
        host, int(port), **given
    )
