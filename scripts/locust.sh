#!/usr/bin/env bash
# Locust with the lab's users, in a terminal, with its web page, or as a worker. See docs/load.md and --help.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install" client
PYTHONPATH="$root/client" exec "$root/.venv/bin/locust" --locustfile "$root/client/locustfile.py" "$@"
