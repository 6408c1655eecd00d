#!/usr/bin/env bash
# The whole test suite. Further words go to pytest: test.sh tests/test_plan.py -k seed
# LAB_REQUIRE=nginx,uwsgi makes a test that lacks one of these fail instead of skip.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/check
# Servers in one process, containers in another, as tests/conftest.py says.
exec .venv/bin/python -m pytest -n 2 "$@"
