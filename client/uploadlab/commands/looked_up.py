"""What a command looks up or installs before it plans a run: the user's app, releases, packages."""

import tempfile
from pathlib import Path

import msgspec

from uploadlab.model.order import Order
from uploadlab.model.own_apps import OwnApp
from uploadlab.paths import shown
from uploadlab.planning.draft import Draft, other_clients
from uploadlab.planning.packages import package_of_versions
from uploadlab.presenting.terminal import Screen
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.own_app import examined, own_environment
from uploadlab.session import install_servers
from uploadlab.versions.folders import make_package_folder
from uploadlab.versions.locks import server_locks
from uploadlab.versions.making import FolderMaker
from uploadlab.versions.of_clients import folders_of_clients
from uploadlab.versions.of_deployments import folders_of_deployments
from uploadlab.versions.releases import MOST_RELEASES, releases_of
from uploadlab.versions.sources import requirements_of_file


def with_known_app(order: Order, screen: Screen) -> Order:
    """Return the order with what is known of the user's app once it was imported; raise LabError."""
    if order.app is None:
        return order
    with Processes() as processes:
        app = _examined(order.app, processes)
    packages = f", with {shown(Path(app.requirements))}" if app.requirements else ""
    screen.note(f"Your app: {app.place} of {shown(Path(app.folder))}, {app.interface}{packages}.")
    return msgspec.structs.replace(order, app=app)


def _examined(app: OwnApp, processes: Processes) -> OwnApp:
    own_environment(app)  # a mistake shows before pip starts
    file = Path(app.requirements)
    words = requirements_of_file(file.name, file.parent) if app.requirements else app.packages
    folder = make_package_folder(words, server_locks(), processes).path if words else None
    return examined(msgspec.structs.replace(app, packages=words), folder, processes)


def with_releases(order: Order, screen: Screen) -> Order:
    """Return an order with the releases that fit its ``--versions``; raise LabError."""
    package = package_of_versions(order)
    with Processes() as processes, screen.waiting(f"Looking up the releases of {package}"):
        work = processes.scratch(Path(tempfile.gettempdir()), "uploadlab", "set TMPDIR to another folder")
        found = releases_of(order.versions, work, processes)
    screen.note(f"Releases that fit {order.versions}: {', '.join(found.fitting)}.")
    if found.left_out:
        screen.note(f"Left out, over the {MOST_RELEASES} newest: {', '.join(found.left_out)}.")
    return msgspec.structs.replace(order, releases=[f"{package}=={version}" for version in found.fitting])


def make_packages(drafted: Draft, screen: Screen) -> None:
    """Install what processes of this host load for a draft; raise LabError with pip's reason.

    A run does so by itself. This is for more than one run, so that a mistake shows before the first.
    """
    with Processes() as processes:
        clients = other_clients(drafted)
        install_servers(processes, drafted.deployments, bool(clients))
        maker = FolderMaker(processes, screen.note, screen.waiting)
        folders_of_deployments(drafted.deployments, drafted.comparison, False, maker)
        folders_of_clients([target.client_packages for target in drafted.targets], clients, maker)
