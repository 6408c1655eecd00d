""".ci/engine, with an engine that only pretends: whatever ends the script ends it as well."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from uploadlab.paths import ROOT

from .checkout import copy_checkout
from .helpers import wait_until

FAKES = {
    "docker": '#!/bin/sh\n[ "$1" != info ] || [ -e "$FOLDER/engine" ]\n',
    "dockerd": """#!/bin/sh
while [ "$1" != --data-root ]; do shift; done
mkdir "$2"
echo "$$ ${2%/data}" >"$FOLDER/engine.new" && mv "$FOLDER/engine.new" "$FOLDER/engine"
exec sleep infinity
""",
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_ends_with_the_script_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    root = tmp_path / "checkout"
    copy_checkout(root)
    (root / ".env").touch()
    (tmp_path / "bin").mkdir()
    for name, text in FAKES.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FOLDER": str(tmp_path)}
    command = [str(root / ".ci" / "engine"), "sh", "-c", 'touch "$FOLDER/runs"; exec sleep infinity']
    script = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    wait_until((tmp_path / "runs").exists)
    pid, folder = (tmp_path / "engine").read_text().split()
    script.send_signal(number)
    wait_until(lambda: not runs(pid))
    if number == signal.SIGTERM:
        wait_until(lambda: not Path(folder).exists())
    else:
        shutil.rmtree(folder)
    os.killpg(script.pid, signal.SIGKILL)  # the command
    script.wait(300)


def runs(pid: str) -> bool:
    """Whether a process is more than an entry that nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
