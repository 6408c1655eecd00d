#!/bin/sh
# The same program as scripts/lab: run-matrix.sh [options] measures, run-matrix.sh COMMAND does anything else.
exec "$(dirname "$0")/lab" "$@"
