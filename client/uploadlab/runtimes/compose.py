"""The docker runtime on the host: Compose starts the deployments, and the client in its own container."""

import json
import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from uploadlab.declared.compose import load_deployments, load_services
from uploadlab.errors import LabError
from uploadlab.model.deployments import GROUPS, Deployment, added_groups
from uploadlab.model.runs import Run
from uploadlab.paths import COMPOSE, OUT, ROOT, RUNS
from uploadlab.planning.draft import Draft, other_clients
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import VARIABLE, masked
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.in_container import UNAVAILABLE
from uploadlab.runtimes.override import OVERRIDE, override
from uploadlab.runtimes.package_images import (
    PackageImage,
    package_images,
    reasons,
    unavailable,
    without,
    write_builds,
)
from uploadlab.storage.run_folder import RunFolder

COMPOSE_AT_LEAST = (2, 20)
"""The first that knows ``attach``."""
ANSWER_SECONDS = 20.0
STOP_SECONDS = 20.0
"""For the client to end an upload and to print its table."""
CLIENT, CLIENTS = "client", "clients"
"""The services that send: the lab's own client alone, and the same with all others."""
BUILT = "raw-sink"
"""The service whose image is built as those with packages in other versions are."""
IMAGES = ("server", CLIENT, CLIENTS, *GROUPS[1:])
POLL_SECONDS = 0.2
NO_IMAGE = ("registry", "/manifests/", "pull access denied", "failed to resolve source metadata")
"""What the engine says when it has no image and cannot fetch it."""
OFFLINE = "where no registry can be reached: ./scripts/offline-images.sh --write"


def obstacle(processes: Processes) -> str:
    """Return why containers cannot be used here; empty if they can."""
    ask = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        engine, said = processes.run(ask, os.environ, ROOT, ANSWER_SECONDS)
        if engine != 0:
            return f"no Docker engine answers ({_last_line(said)})"
        compose, version = processes.run(
            ["docker", "compose", "version", "--short"], os.environ, ROOT, ANSWER_SECONDS
        )
    except OSError:
        return "docker is not installed"
    except subprocess.TimeoutExpired:
        return f"the Docker engine does not answer within {ANSWER_SECONDS:g} s"
    least = ".".join(map(str, COMPOSE_AT_LEAST))
    if compose != 0:
        return (
            f"docker has no Compose v2 (install docker-compose-plugin or docker-compose-v2, {least} or newer)"
        )
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < COMPOSE_AT_LEAST:
        return f"Compose is {version.strip()}, older than {least}"
    return ""


def port_variable(name: str) -> str:
    """Return the variable that sets a deployment's port in compose.yaml."""
    return f"{name}_port".upper().replace("-", "_")


def new_folder(out: Path, name: str) -> RunFolder:
    """Create a folder for a run, which belongs to the owner of the folder around it; raise LabError."""
    made = not out.exists()
    _require_mountable(out)
    folder = RunFolder.create(out, name)
    for path in [*([out] if made else []), folder.path]:
        _give(path, out.parent if made else out)
    return folder


def _require_mountable(path: Path) -> None:
    if ":" in str(path.resolve()):
        raise LabError(f"{path}: Docker takes no path with a colon; choose another --out")


class ComposeProject:
    """The containers of one run, apart from those of ``docker compose up``; gone at the end."""

    def __init__(self, processes: Processes, screen: Screen, planned: Draft | Run) -> None:
        self._processes, self._screen = processes, screen
        self._planned = planned
        self._sender = CLIENTS if other_clients(planned) else CLIENT
        self._tag = secrets.token_hex(4)
        self._project = f"upload-lab-{self._tag}"
        self._files = [str(COMPOSE)]
        self._profiles: list[str] = []
        # The client reaches servers by their names; on the host any free port will do.
        ports = {port_variable(name): "0" for name in load_deployments(COMPOSE)}
        self._environment = {**os.environ, **ports, "LAB_IMAGE_TAG": self._tag}

    def run(
        self, folder: RunFolder, deployments: Sequence[Deployment], profiling: bool, words: list[str]
    ) -> int:
        """Start the deployments and have the client's container run a command; return its exit code.

        Raise LabError, and KeyboardInterrupt after the client has stopped.
        """
        _require_mountable(folder.path)
        made = [deployment for deployment in deployments if deployment.based_on]
        images = package_images(deployments, self._planned, load_services(COMPOSE), self._sender)
        profiles = added_groups(deployments) + [CLIENTS] * (self._sender == CLIENTS)
        self._profiles = [word for profile in profiles for word in ("--profile", profile)]
        self._environment["LAB_PROFILING"] = str(int(profiling))
        services: list[str] = []
        try:
            self._clear_away(made, images)
            with self._screen.waiting("Building the images, which takes a minute or two the first time"):
                self._do("build")
            failed = self._build_packages(images) if images else {}
            lacking = unavailable(deployments, self._planned, failed)
            self._environment[UNAVAILABLE] = json.dumps(lacking)
            for name, why in lacking.items():
                self._screen.note(f"{name} is unavailable: {why}.")
            self._override(deployments, without(images, failed), folder)
            started = [deployment for deployment in deployments if deployment.name not in lacking]
            services += [service.name for deployment in started for service in deployment.services]
            self._start(services)
            code = self._run_client(folder.path.resolve(), words)
            self._explain(made)
        finally:
            self._keep_logs(services, folder)
            folder.remove_if_empty()
        return code

    def _build_packages(self, images: Sequence[PackageImage]) -> dict[str, str]:
        """Build images with packages in other versions; return why sets of packages cannot be made."""
        folder = self._processes.scratch(Path(tempfile.gettempdir()), "packages", "set TMPDIR")
        build = load_services(COMPOSE)[BUILT]["build"]
        failed: dict[str, str] = {}
        while left := without(images, failed):
            path = write_builds(left, build, folder)
            sets = {name for image in left for name in image.sets}
            with self._screen.waiting("Building images with packages in other versions"):
                words = ["--file", str(path), "build", *(image.service for image in left)]
                status, said = self._run(*words)
            if status == 0:
                break
            if not (more := {name: why for name, why in reasons(said).items() if name in sets}):
                raise LabError(f"packages cannot be installed in an image: {_last_line(said)}")
            failed |= more
        return failed

    def _override(
        self, deployments: Sequence[Deployment], images: Sequence[PackageImage], folder: RunFolder
    ) -> None:
        """Declare to Compose the deployments that its own file does not have, and other images."""
        path = folder.path.resolve()
        client = next((image.name for image in images if image.target == CLIENT), "")
        if text := override(COMPOSE, deployments, path, self._sender, client):
            self._files.append(str(path / OVERRIDE))
            folder.keep_configs({OVERRIDE: text})

    def _explain(self, made: Sequence[Deployment]) -> None:
        """Print the last words of servers that have ended: the client's container cannot see them."""
        for service in (service for deployment in made for service in deployment.services):
            container = f"{self._project}-{service.name}-1"
            ask = ["docker", "inspect", "--format", "{{.State.Running}}", container]
            status, said = self._processes.run(ask, os.environ, ROOT)
            if status == 0 and said.strip() == "false":
                _, log = self._processes.run(["docker", "logs", container], os.environ, ROOT)
                self._screen.note(f"{' '.join(service.command)}: {_last_line(log)}")

    def _start(self, services: list[str]) -> None:
        if not services:  # without a name, all would start; this makes the networks and volumes
            return self._do("up", "--no-start", "--no-build", "--no-deps", self._sender)
        with self._screen.waiting(f"Starting {len(services)} containers"):
            self._do("up", "--detach", "--no-build", *services)

    def _clear_away(self, made: Sequence[Deployment], more: Sequence[PackageImage]) -> None:
        """Remove all at the very end; if the run's folder is gone by then, its services are orphans."""
        project = ["--file", str(COMPOSE), *self._profiles, "--project-name", self._project]
        down = ["down", "--volumes", "--remove-orphans", "--timeout", "5"]
        self._processes.last(["docker", "compose", *project, *down])
        if made:
            volumes = [f"{self._project}_{deployment.name}" for deployment in made]
            self._processes.last(["docker", "volume", "rm", "--force", *volumes])
        names = [*IMAGES, *(image.service for image in more)]
        images = [f"upload-lab-{name}:{self._tag}" for name in names]
        self._processes.last(["docker", "image", "rm", "--force", *images])

    def _run_client(self, run: Path, words: list[str]) -> int:
        """Return the exit code of the client; raise KeyboardInterrupt after it has stopped."""
        settings = [f"LAB_RUN={run.name}", f"LAB_OUT={run.parent}", VARIABLE, UNAVAILABLE]
        volumes = []
        if run.parent != RUNS:
            volumes = ["--volume", f"{run.parent}:{OUT}"]
            words = [*words, "--out", str(OUT)]
        if self._screen.is_terminal:  # which the client cannot see through a pipe
            settings += ["TTY_COMPATIBLE=1", f"COLUMNS={self._screen.columns}", "TERM"]
        name = f"{self._project}-client"
        options = ["--rm", "--no-deps", "--no-TTY", "--name", name, *volumes]
        options += [word for setting in settings for word in ("--env", setting)]
        command = self._compose("run", *options, self._sender, *words)
        client = self._processes.start(command, self._environment, ROOT, stdin=subprocess.DEVNULL)
        try:
            return client.wait()
        except KeyboardInterrupt:
            self._stop(client, name)
            raise

    def _stop(self, client: subprocess.Popen[bytes], name: str) -> None:
        """Stop the client, which ends its upload and prints its tables; it may not have started yet."""
        end = time.monotonic() + STOP_SECONDS
        asked = False
        while client.poll() is None and time.monotonic() < end:
            if not asked:
                # Not SIGINT: Python would trace it back while it still imports.
                stop = ["docker", "kill", "--signal", "TERM", name]
                asked = self._processes.run(stop, os.environ, ROOT, ANSWER_SECONDS)[0] == 0
            time.sleep(POLL_SECONDS)

    def _keep_logs(self, services: list[str], folder: RunFolder) -> None:
        """Write the servers' output beside the results."""
        if not folder.has_results():
            return
        for service in services:
            container = f"{self._project}-{service}-1"
            status, said = self._processes.run(["docker", "logs", container], os.environ, ROOT)
            if status == 0:
                folder.keep_log(f"{service}.log", said)

    def _do(self, *words: str) -> None:
        """Run a command of Compose; raise LabError with its last line."""
        status, said = self._run(*words)
        if status != 0:
            problem = _last_line(said)
            hint = OFFLINE if any(text in problem for text in NO_IMAGE) else f"see: docker compose {words[0]}"
            raise LabError(f"docker compose {words[0]} failed: {problem}; {hint}")

    def _run(self, *words: str) -> tuple[int, str]:
        return self._processes.run(self._compose(*words), self._environment, ROOT)

    def _compose(self, *words: str) -> list[str]:
        files = [word for name in self._files for word in ("--file", name)]
        return ["docker", "compose", *files, *self._profiles, "--project-name", self._project, *words]


def _give(path: Path, like: Path) -> None:
    """Give a path to the owner of another path, if this is root."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return masked(lines[-1]) if lines else "it printed nothing"  # a proxy's URL may have a login
