"""The check of clients: all at once, a program each, each case saved as soon as it is done."""

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import ClientAttempt
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS, kind_of
from uploadlab.catalogue.methods import Part
from uploadlab.catalogue.payloads import Payload
from uploadlab.checking.certificates import Certificates
from uploadlab.checking.client_files import ClientFiles
from uploadlab.checking.client_oracle import Seen, judge_client, stored_bytes
from uploadlab.checking.misbehaving import FIRST, MisbehavingServer
from uploadlab.clock import now
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.time_left import watched
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import CLIENT, Target
from uploadlab.presenting.figures import grouped
from uploadlab.processes.groups import Processes
from uploadlab.sending.connections import is_success
from uploadlab.sending.program_uploads import job_of
from uploadlab.sending.programs import ClientUnavailable, Programs
from uploadlab.versions.client_folders import ClientFolders

PATIENCE_SECONDS = 20.0
"""After which an upload of a few MB is endless, beside what the server pauses."""
READY_SECONDS = 120.0
"""For what comes before an upload: on a busy host, a browser may take half a minute to start."""
BYTES_PER_SECOND = 10_000_000
"""At least, of larger files, on a busy host."""
GRACE_SECONDS = 3.0
"""For what a client still sends when it has reported success already."""
MOST_MEMORY_BYTES = 4 << 30
"""For a client that does not end; no client needs that much for a few MB."""
USER = ("lab", "secret")
HTTP_2 = "h2"
"""What the name of a way has whose protocol the scripted server does not speak."""


class ClientCell(NamedTuple):
    """A case for a client."""

    client: Target
    case: str


class ClientStage:
    """The cases of the check of clients."""

    name = "checks"

    def __init__(
        self,
        bench: Workbench,
        folders: Mapping[tuple[str, ...], ClientFolders] = MappingProxyType({}),
    ) -> None:
        """Take what clients load, by the requirements of targets."""
        self._bench, self._folders = bench, folders
        self._one_large = threading.Lock()
        self._writing = threading.Lock()

    def remaining(self) -> list[ClientCell]:
        """Return what was not tried, or could not be."""
        run = self._bench.run
        clients = [target for target in run.targets if target.tier == CLIENT]
        rows = self._bench.folder.read_checks() if clients else []
        done = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
        return [
            ClientCell(client, case)
            for client in clients
            for case in run.checks
            if (client.name, case) not in done
        ]

    def execute(self, items: Sequence[ClientCell], watcher: Watcher) -> None:
        """Try these; raise LabError."""
        folder = self._bench.data_dir
        files = ClientFiles(folder)
        files.make(attempt for item in items for attempt in CLIENT_CASES[item.case].attempts())
        try:
            with Processes() as processes, Certificates(folder) as certificates:
                tried = self._at_once(items, _Bench(processes, certificates, files))
                for rows in watched(tried, len(items), watcher):
                    watcher.began(f"{rows[0].deployment} {rows[0].case}")
                    self._bench.folder.append_checks(rows)
        finally:
            files.remove()

    def _at_once(self, items: Sequence[ClientCell], bench: "_Bench") -> Iterator[list[Check]]:
        """Try these, all clients at once; yield the rows of each cell as soon as they are there."""
        done: queue.SimpleQueue[list[Check] | BaseException] = queue.SimpleQueue()

        def try_all(client: Target, cases: Sequence[str]) -> None:
            try:
                for rows in self._in_turn(client, cases, bench):
                    done.put(rows)
            except BaseException as error:  # a defect of the lab's own, for the main thread to raise
                done.put(error)

        # Cases that mostly wait run beside the others, by a second program of the client.
        clients = {item.client.name: item.client for item in items}
        lanes = grouped(((item.client.name, _waits(item.case)), item.case) for item in items)
        for (name, _), cases in lanes.items():
            threading.Thread(target=try_all, args=(clients[name], cases), daemon=True).start()
        for _ in items:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def _in_turn(self, target: Target, cases: Sequence[str], bench: "_Bench") -> Iterator[list[Check]]:
        """Try a client's cases one after the other."""
        client = target.name
        programs = Programs(bench.processes, self._folders.get(tuple(target.client_packages)))
        try:
            versions = programs.versions(client)
        except ClientUnavailable as error:
            why = str(error)
            yield from ([_untried(client, case, Verdict.UNAVAILABLE, why)] for case in cases)
            return
        self._keep(client, versions)
        for case in cases:
            # Some clients have all of a file in memory: not several of them at once.
            with self._one_large if CLIENT_CASES[case].large else nullcontext():
                yield list(bench.tried(programs, client, case))
        programs.close()

    def _keep(self, client: str, versions: dict[str, str]) -> None:
        """Write the versions of a client's library down."""
        with self._writing:
            self._bench.run.versions[client] = versions
            self._bench.folder.write_run(self._bench.run)


class _Bench(NamedTuple):
    """What the attempts of all clients are made with."""

    processes: Processes
    certificates: Certificates
    files: ClientFiles

    def tried(self, programs: Programs, client: str, case: str) -> Iterator[Check]:
        """Yield the row of each attempt of a case by each way of a client, or why there is none."""
        found = False
        for attempt in CLIENT_CASES[case].attempts():
            for way in ways_for(client, attempt):
                found = True
                if attempt.tls and (why := self.certificates.problem):
                    yield _untried(client, case, Verdict.UNAVAILABLE, why)
                else:
                    yield self._row(programs, client, case, way, attempt)
        if not found:
            kinds = {kind for attempt in CLIENT_CASES[case].attempts() for kind in attempt.kinds}
            whys = [why for kind, why in CLIENTS[client].cannot.items() if kind in kinds]
            yield _untried(client, case, Verdict.CANNOT, "; ".join(whys) or "it has no such way")

    def _row(self, programs: Programs, client: str, case: str, way: str, attempt: ClientAttempt) -> Check:
        context = self.certificates.context() if attempt.tls else None
        with self.files.given(attempt) as file:
            server = MisbehavingServer(attempt.turns, file.path, context)
            try:
                if not CLIENT_CASES[case].large:
                    programs.limit_memory(client, MOST_MEMORY_BYTES)
                job = client_job(client, way, attempt, server.url, file.path, self.certificates.authority)
                programs.make_ready(client, job, READY_SECONDS)
                started_at, start = now(), time.monotonic()
                sent = programs.send(client, job, _most_seconds(attempt))
                seconds = time.monotonic() - start
                server.stop(GRACE_SECONDS if sent and sent.status and is_success(sent.status) else 0)
            except BaseException:
                server.stop()
                raise
            seen = Seen(sent, server.arrivals, file.expected(), seconds)
            judged = judge_client(attempt, seen)
        return Check(
            case=case, deployment=client, route=way, label=attempt.label, started_at=started_at,
            verdict=judged.verdict, code=judged.code, text=judged.text,
            http_status=sent.status if sent else None, sent_bytes=file.handed_over[0].size_bytes,
            stored_bytes=stored_bytes(seen), seconds=seconds,
        )  # fmt: skip


def ways_for(client: str, attempt: ClientAttempt) -> list[str]:
    """Return the ways of a client that an attempt is made by."""
    ways = [way for way in CLIENTS[client].ways if HTTP_2 not in way.split("-")]
    ways = [way for way in ways if kind_of(way) in attempt.kinds]
    if attempt.each_way:
        return ways
    first = {kind_of(way): way for way in reversed(ways)}
    return [way for way in ways if way in first.values()]


def client_job(
    client: str, way: str, attempt: ClientAttempt, url: str, path: Path, ca_file: Path | None
) -> dict[str, object]:
    """Return an attempt as a program takes it: the fields of ``clients.frame.Upload``."""
    method = CLIENT_METHODS[f"{client}.{way}"]
    payload = Payload(str(path), path.stat().st_size, "")
    return job_of(method, method.verb, f"{url}/upload", payload, Part(name=attempt.name)) | {
        "ca_file": str(ca_file) if ca_file and attempt.tls else "",
        "source": attempt.source,
        "first_url": f"{url}{FIRST}" if attempt.kept else "",
        "login": USER if attempt.login else None,
        "expect": attempt.expect,
    }


def _waits(case: str) -> bool:
    return any(attempt.waits for attempt in CLIENT_CASES[case].attempts())


def _most_seconds(attempt: ClientAttempt) -> float:
    return PATIENCE_SECONDS + attempt.own_seconds + attempt.size_bytes / BYTES_PER_SECOND


def _untried(client: str, case: str, verdict: Verdict, why: str) -> Check:
    return Check(
        case=case, deployment=client, route="", label="", started_at=now(), verdict=verdict,
        code="cannot" if verdict is Verdict.CANNOT else "", text=why,
    )  # fmt: skip
