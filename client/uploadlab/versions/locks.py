"""Which lock files a package of a server is in, and which one of the client's."""

from pathlib import Path

from uploadlab.paths import ROOT


def server_locks() -> list[Path]:
    """Return the lock files of all servers and of the app."""
    return sorted(ROOT.glob("services/*.txt")) + sorted(ROOT.glob("services/*/*.txt"))


def client_locks() -> list[Path]:
    """Return the lock file of the lab's own client."""
    return [ROOT / "client" / "requirements.txt"]
