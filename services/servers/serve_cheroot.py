"""Cheroot, as its quick start has it; with ``tuned``, for large bodies."""

import os
import sys

from cheroot import wsgi
from upload_app.terminated import TerminatedBody
from upload_app.wsgi import application

address = os.environ["HOST"], int(os.environ["PORT"])
if "tuned" in sys.argv:
    server = wsgi.Server(
        address,
        TerminatedBody(application),  # or a chunked body with a line break in it is never read to its end
        numthreads=80,  # 10 by default: each client that stalls holds one
        timeout=int(os.environ["SILENCE_SECONDS"]),  # 10 by default
    )
else:
    server = wsgi.Server(address, application)
server.start()
