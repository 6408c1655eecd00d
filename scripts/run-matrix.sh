#!/usr/bin/env bash
# Measures every way to upload, in containers or as processes of this host. See run-matrix.sh --help.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install" client
PYTHONPATH="$root/client" exec "$root/.venv/bin/python" -m uploadlab "$@"
