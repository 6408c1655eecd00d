"""gevent's own WSGI server, as Flask's documentation has it; with ``tuned``, for large bodies."""

import os
import sys
from typing import Any

from gevent.pywsgi import WSGIServer
from upload_app.wsgi import application


class PatientServer(WSGIServer):  # type: ignore[misc]  # which types nothing
    """A server that bounds a client's silence: by default it waits for ever."""

    def do_handle(self, client: Any, *more: Any) -> None:
        """Answer the requests of a connection."""
        client.settimeout(float(os.environ["SILENCE_SECONDS"]))
        super().do_handle(client, *more)


kind = PatientServer if "tuned" in sys.argv else WSGIServer
kind((os.environ["HOST"], int(os.environ["PORT"])), application).serve_forever()
