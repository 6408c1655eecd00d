"""What the lab starts ends whole."""

import os
import socket
import sys
from pathlib import Path

from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import HOST, free_ports

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
