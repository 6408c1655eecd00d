#!/usr/bin/env bash
# One deployment in the foreground, for curl and uploader.py. See serve.sh --help.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install"
PYTHONPATH="$root/client" exec "$root/.venv/bin/python" -m uploadlab.commands.serve "$@"
