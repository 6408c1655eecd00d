"""What the lab starts ends whole."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from uploadlab.processes.groups import Processes, is_running
from uploadlab.runtimes.local import HOST, free_ports

from .helpers import environment, wait_until

WORKER = """
import os, socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
if os.fork():
    listening.close()
    os.wait()
memory = b"x" * (512 << 20)  # takes a while to be given back, and what is open is closed only after that
os.write(1, b"ready")
os.read(0, 1)
"""
"""A master that does not listen, and a worker that does."""


def test_a_server_that_was_killed_holds_its_port_no_longer(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    stays, ready = os.pipe(), os.pipe()
    with Processes() as processes:
        command = [sys.executable, "-c", WORKER, HOST, str(port)]
        process = processes.start(command, os.environ, tmp_path, stdin=stays[0], stdout=ready[1])
        assert os.read(ready[0], 5) == b"ready"
        processes.kill(process)
        socket.create_server((HOST, port)).close()
    for end in (*stays, *ready):
        os.close(end)


LAB = """
import os, signal, subprocess, sys
from pathlib import Path
from uploadlab.processes import groups

class Killed(subprocess.Popen):
    # The lab is killed when a process exists, and the lab has done nothing with it.
    def __init__(self, command, **more):
        super().__init__(command, **more)
        if "reaper.py" not in command[-1]:
            if sys.argv[2] == "stopped":
                os.kill(self.pid, signal.SIGSTOP)
            Path(sys.argv[1]).write_text(str(self.pid))
            os.kill(os.getpid(), signal.SIGKILL)

subprocess.Popen = Killed
with groups.Processes() as processes:
    processes.start(["sleep", "100000"], os.environ, Path("/"))
"""
"""A lab that is killed between starting a server and any word to its guard."""


@pytest.mark.parametrize("server", ["stopped", "runs"])
def test_a_lab_that_is_killed_while_it_starts_a_server_leaves_none(tmp_path: Path, server: str) -> None:
    told = tmp_path / "pid"
    command = [sys.executable, "-c", LAB, str(told), server]
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    group = int(told.read_text())
    if server == "stopped":  # it had perhaps not even announced itself
        assert is_running(group)
        os.kill(group, signal.SIGCONT)
    wait_until(lambda: not is_running(group))


def test_a_process_is_the_command_itself(tmp_path: Path) -> None:
    with Processes() as processes:
        shows = "import os, sys; leads = os.getpid() == os.getpgid(0); "
        shows += "print(os.getcwd(), sys.argv[1:], os.environ['NAME'], leads)"
        own = {"NAME": "value", "PATH": os.environ["PATH"]}
        code, said = processes.run([sys.executable, "-c", shows, "a b", ""], own, tmp_path)
        assert (code, said) == (0, f"{tmp_path} ['a b', ''] value True\n")
        for name, number in [("no-such-program", 2), ("./no-such-program", 2), (str(tmp_path), 13)]:
            with pytest.raises(OSError, match=str(name)) as raised:
                processes.start([name], own, tmp_path)
            assert (raised.value.errno, raised.value.filename) == (number, name)


def test_a_server_inherits_nothing_of_the_lab(tmp_path: Path) -> None:
    with Processes() as processes:
        shows = "ls -l /proc/self/fd; grep -E 'Sig(Ign|Blk)' /proc/self/status"
        _, said = processes.run(["sh", "-c", shows], os.environ, tmp_path)
    assert len(said.split("SigBlk")[0].splitlines()) == 5, (
        said
    )  # a title, the three streams, and what ls reads
    assert int(said.rpartition("SigIgn:")[2].split()[0], 16) & (1 << (signal.SIGPIPE - 1)) == 0
