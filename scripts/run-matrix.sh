#!/usr/bin/env bash
# Measures every way to upload on this host. See run-matrix.sh --help.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install"
PYTHONPATH="$root/client" exec "$root/.venv/bin/python" -m uploadlab "$@"
