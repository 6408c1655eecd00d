"""The benchmarks run, and leave nothing out; how fast they are is not looked at here."""

import re
import subprocess
import sys

import pytest
from uploadlab.catalogue.methods import METHODS, OWN_METHODS
from uploadlab.declared.links import load_links
from uploadlab.paths import ROOT

pytestmark = pytest.mark.slow

INPUTS = {"buffered", "read_only", "chunked"}


def test_every_sender_and_receiver_has_its_benchmark() -> None:
    words = ["benchmark/hot_paths", "--verbose", "--benchmark-disable", "--size=300KiB"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    senders = set(re.findall(r"::test_sender\[(.+)\] PASSED", ran.stdout))
    routes = set(re.findall(r"::test_route\[(.+)\] PASSED", ran.stdout))
    assert senders == set(OWN_METHODS)
    assert set(re.findall(r"::test_link\[(.+)\] PASSED", ran.stdout)) == set(load_links())
    for method in METHODS.values():
        for way in INPUTS:
            assert method.hops or f"{method.route}-{way}" in routes
            assert not method.form or f"{method.route}-strict-{way}" in routes
