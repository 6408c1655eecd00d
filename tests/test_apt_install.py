"""scripts/apt-install: it keeps services from starting, and leaves nothing of that behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from uploadlab.paths import ROOT

from .helpers import REQUIRED, wait_until

APT_INSTALL = ROOT / "scripts" / "apt-install"
FAKE_APT = """#!/bin/sh
# Installs as Debian does: it asks whether a service may start.
if [ "$1" = install ]; then
  /usr/sbin/policy-rc.d service start; echo $? >"$FOLDER/asked"
  until [ -e "$FOLDER/go-on" ]; do sleep 0.1; done
fi
"""
FORBIDDEN = "101\n"


class Host(NamedTuple):
    """A /usr/sbin of its own, and an apt-get that waits in mid-installation for a file ``go-on``."""

    folder: Path
    holder: int

    @property
    def policy(self) -> Path:
        return Path("/proc", str(self.holder), "root", "usr/sbin/policy-rc.d")

    def start(self) -> subprocess.Popen[str]:
        """Start an installation; it has asked for its services when this returns."""
        for name in ("asked", "go-on"):
            (self.folder / name).unlink(missing_ok=True)
        process = self.enter(str(APT_INSTALL), "a-package")
        wait_until(lambda: (self.folder / "asked").exists() and bool(self.asked()))
        return process

    def enter(self, *words: str) -> subprocess.Popen[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            ["nsenter", f"--mount=/proc/{self.holder}/ns/mnt", *words],
            env={**os.environ, "PATH": path, "FOLDER": str(self.folder), "TMPDIR": str(self.folder)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked(self) -> str:
        return (self.folder / "asked").read_text()

    def go_on(self, process: subprocess.Popen[str]) -> int:
        (self.folder / "go-on").touch()
        process.communicate(timeout=300)
        return process.returncode


@contextmanager
def own_sbin(folder: Path) -> Iterator[Host]:
    (folder / "bin").mkdir()
    (folder / "bin" / "apt-get").write_text(FAKE_APT)
    (folder / "bin" / "apt-get").chmod(0o755)
    mount = "mount -t tmpfs none /usr/sbin && echo ready && exec sleep infinity"
    holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", mount], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        if holder.stdout.readline() != "ready\n":
            why = "no filesystem can be mounted here"
            pytest.fail(f"{why}, and LAB_REQUIRE names mount") if "mount" in REQUIRED else pytest.skip(why)
        yield Host(folder, holder.pid)
    finally:
        holder.kill()
        holder.communicate()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with own_sbin(tmp_path) as made:
        yield made


def test_no_service_starts_meanwhile_and_nothing_stays(host: Host) -> None:
    process = host.start()
    assert host.asked() == FORBIDDEN
    assert host.go_on(process) == 0
    assert not host.policy.exists()
    assert {path.name for path in host.folder.iterdir()} == {"bin", "asked", "go-on"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing(host: Host, number: signal.Signals) -> None:
    process = host.start()
    process.send_signal(number)
    assert host.go_on(process) > 128
    assert not host.policy.exists()


def test_after_a_kill_services_start_again(host: Host) -> None:
    process = host.start()
    process.kill()
    host.go_on(process)
    assert host.policy.exists()
    assert host.enter("/usr/sbin/policy-rc.d", "service", "start").wait(300) == 0
    assert not host.policy.exists()


def test_the_next_installation_removes_what_a_killed_one_has_left(host: Host) -> None:
    process = host.start()
    process.kill()
    host.go_on(process)
    process = host.start()
    assert host.asked() == FORBIDDEN
    assert host.go_on(process) == 0
    assert not host.policy.exists()


def test_a_policy_of_the_users_own_stays(host: Host) -> None:
    host.policy.write_text("#!/bin/sh\nexit 104\n")
    host.policy.chmod(0o755)
    process = host.start()
    assert host.asked() == "104\n"
    assert host.go_on(process) == 0
    assert "104" in host.policy.read_text()
