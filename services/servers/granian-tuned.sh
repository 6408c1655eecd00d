#!/bin/sh
# granian for large bodies. It has no limit for a client's silence in mid-body: each that stalls holds a thread.
# --workers: 1 by default
# --blocking-threads: 512 by default, more than a container's limit of 256 tasks; each upload takes one
exec granian --interface wsgi --host "$HOST" --port "$PORT" --workers 2 --blocking-threads 40 \
  upload_app.wsgi:application
