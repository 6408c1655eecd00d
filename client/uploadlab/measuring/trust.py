"""Whose run is gone on with: what it measures, and at which addresses, is what its folder says."""

import os
import pwd

from uploadlab.errors import LabError
from uploadlab.model.deployments import EXTERNAL
from uploadlab.model.runs import Host, Run
from uploadlab.paths import PACKAGES, program, shown
from uploadlab.runtimes.addresses import url_problem
from uploadlab.storage.files import RUN_FILE, packed
from uploadlab.storage.run_folder import RunFolder

OWN = "resume only your own runs"


def require_own_run(folder: RunFolder) -> None:
    """Raise LabError if another user owns the run.

    The owner of this program's files counts as the user: root often works in the checkout of someone else,
    whose programs it starts anyway, and leaves the runs to that owner.
    """
    trusted = {os.geteuid(), PACKAGES.stat().st_uid}
    owners = folder.files.owners(RUN_FILE) | folder.files.owners(packed(RUN_FILE))
    if strangers := owners - trusted:
        owner = ", ".join(map(_name, sorted(strangers)))
        raise LabError(
            f"{shown(folder.path)} belongs to {owner}, and its configs are code: {OWN}; "
            f"if this is yours: {program()} resume {shown(folder.path)} --trust"
        )


def require_sound_urls(run: Run) -> None:
    """Raise LabError unless a client can send to the URLs of the run's targets."""
    for target in run.targets:
        if target.tier == EXTERNAL and (problem := url_problem(target.url)):
            raise LabError(f"{run.id} has the target {target.name}={target.url}: {problem}; start a new run")


def require_same_host(run: Run, host: Host, folder: RunFolder, trust: bool) -> None:
    """Raise LabError if the run is from another host, unless to trust it; then note the host in the run."""
    if host in (run.host, *run.other_hosts):
        return
    if host == _on(run.host, host.data_filesystem):
        raise LabError(
            f"{run.id} stored on {run.host.data_filesystem}, this would on {host.data_filesystem}: "
            "give the same --data-dir"
        )
    if trust:
        run.other_hosts.append(host)
        folder.write_run(run)
        return
    differs = [name for name in host.__struct_fields__ if getattr(host, name) != getattr(run.host, name)]
    raise LabError(
        f"{run.id} is from another host ({', '.join(differs)} differ): start a new run; {OWN}, "
        f"and if this is yours: {program()} resume {shown(folder.path)} --trust"
    )


def _on(host: Host, filesystem: str) -> Host:
    return Host(host.cpu, host.cores, host.memory_bytes, host.kernel, filesystem)


def _name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
