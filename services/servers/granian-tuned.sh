#!/bin/sh
# granian for large bodies.
# --workers: 1 by default; --blocking-threads: 64 by default at one worker, see granian's log
exec granian --interface wsgi --host "$HOST" --port "$PORT" --workers 2 --blocking-threads 40 \
  upload_app.wsgi:application
