#!/bin/sh
# waitress for large bodies.
# --max-request-body-size: 1 GiB by default, over which it answers 413; the app has a limit of its own
# --recv-bytes: 8 KiB by default, for each of which it asks the system whether more has come
# --channel-timeout: 120 s by default; how long a client may be silent
# --cleanup-interval: 30 s by default; how often it looks for silent clients
# --connection-limit: 100 by default, which clients that stall would use up
exec waitress-serve --host "$HOST" --port "$PORT" --max-request-body-size 1125899906842624 --recv-bytes 262144 \
  --channel-timeout "$SILENCE_SECONDS" --cleanup-interval 5 --connection-limit 1000 upload_app.wsgi:application
