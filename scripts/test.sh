#!/usr/bin/env bash
# The whole test suite, or with --fast what to run while working: lint, types, and all tests that need
# no container, no browser and no patience. Further words go to pytest: test.sh --fast tests/test_plan.py -k seed
# LAB_REQUIRE=nginx,uwsgi makes a test that lacks one of these fail instead of skip.
set -euo pipefail
cd "$(dirname "$0")/.."
chosen=()
if [ "${1:-}" = --fast ]; then
  shift
  chosen=(-m "not (slow or containers or chromium)")
fi
./scripts/check
# Six processes, also for two processors: most of its time a test waits. What shares one, tests/conftest.py says,
# and what begins first: xdist would begin with the groups of most tests, and leave the few that take minutes to
# the end.
exec .venv/bin/python -m pytest -n 6 --no-loadscope-reorder "${chosen[@]}" "$@"
