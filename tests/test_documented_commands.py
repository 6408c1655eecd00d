"""Every command of README and docs works.

Each is planned as it stands on its page. Those are typed that have an option which none before them has, but
for words that spare minutes: what a command names, its servers, methods and cases, has tests of its own, and
so have options together: neither is better for being measured here again.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest
from uploadlab import session
from uploadlab.commands import main
from uploadlab.paths import DOCS, ROOT
from uploadlab.planning.draft import Draft
from uploadlab.runtimes.local import free_ports

from .checkout import checkout, leave_one_ceiling
from .pages import PAGES, blocks
from .world import World

OTHERS = {DOCS / "extending.md", DOCS / "recipes" / "README.md"}
"""Pages with tests of their own."""
ELSEWHERE = {
    "docker": "test_compose_up.py has those",
    "./scripts/test.sh": "this is it",
    "./scripts/suite-times": "test_suite_times.py has it: it takes what a whole run writes",
    "./scripts/offline-images.sh": ".ci/engine makes the images of the tests by it",
    "==": "test_compare_versions.py has those: they take an index of packages, and no network leads here",
    "--versions": "test_packages.py has those, for the same reason",
    "--with ": "test_packages.py has those: the folder is the reader's own",
    "--app ": "test_own_app.py has those: the app is the reader's own",
    "./scripts/pin-images": "test_base_images.py has it: there may be no registry",
    "./scripts/resumed": "test_resumed.py has its runs: ten small ones, of a hundred large",
}
AT_ONCE = 3
"""Most of their time they wait: for servers to start, or for what a check sends slowly."""
ONE_CELL = "--deployments flask --methods request.stream --sizes 64KiB"
SERVE = "lab serve "
SHORTER = {
    r"lab (diff|list|report|resume|serve|show)": "",
    r"lab doctor http": "--rungs 0.5 --minutes 1",
    r"lab check.* --clients": "--cases file-empty",
    r"lab check": "--cases one-byte --deployments flask",
    r"lab ci": "--cases one-byte --deployments gunicorn --methods request.stream --sizes 64KiB --minutes 0.1",
    r"lab (compare|ablate)": "--minutes 0.01 --sizes 64KiB --methods request.stream",
    r"lab run.* --plan crowd": "--users 4 --sizes 64KiB",
    r"lab run.* --plan blocks": "--rounds 1 --sizes 64KiB",
    r"lab run.* --(expect-workers|target)": f"--plan smoke {ONE_CELL.replace('flask', 'raw-sink')}",
    r"lab run.* --link": f"--plan smoke {ONE_CELL}",
    r"lab run.* --plan tls": "--deployments nginx-tls --methods request.stream --sizes 64KiB --rounds 1",
    r"lab run.* --plan clients-tls": "--deployments nginx-tls --methods request.stream --sizes 64KiB",
    r"lab run.* --plan": f"{ONE_CELL} --rounds 1",
    r"lab run.* --load": f"--plan smoke {ONE_CELL} --users 2",
    r"lab run.* --methods": "--rounds 1",
    r"lab run|run-matrix": f"--plan smoke {ONE_CELL}",
    r"lab knobs": "--only MALLOC_ARENA_MAX --rounds 1",
    r"bench": "--size=300KiB --benchmark-disable",
    r"locust.sh.* --headless": "--size 64KiB",
}
"""Words for a command that says nothing of the kind itself, by the first pattern that it has."""
INSTEAD = {
    r"--sizes \S+": "--sizes 64KiB",
    r"request\.files/64MiB": "request.files/64KiB",
    r"--rounds \d+": "--rounds 1",
    r"--minutes \S+": "--minutes 0.01",
    r"ablate configs/uwsgi/uwsgi-tuned\.ini": "ablate configs/caddy/caddy-tls.Caddyfile",  # with few settings
    r"--users 1,\d+": "--users 1,2",
    r"--plan crowd --deployments \S+": "--plan crowd --deployments nginx-uwsgi",
    r"--only (gunicorn|-tls)": "--only MALLOC_ARENA_MAX",
    r"--run-time 20s": "--run-time 1s",
    r"uwsgi-default,gunicorn-gthread,nginx-uwsgi": "gunicorn-gthread",  # beside slow clients, one by one
    r"512MB": "2MB",
    r"--clients(?= --large|$)": "--clients requests",  # test_client_check.py checks all clients
    # two minutes of silence
    r"over-1-gib,silent-head,silent-body,slow-body,first-byte,slow-clients": "first-byte",
    r"192\.0\.2\.7": "127.0.0.1",
}
"""Smaller words in place of some: what a command measures takes its time elsewhere."""
PLANNED = re.compile(r"\./scripts/lab (run|check|compare|ablate|knobs)\b")
"""Commands whose values are names of what is to be measured or tried."""
READS_LAST = re.compile(r"lab (show .*\blast\b|resume$)")
"""A command about the run of the one before."""
LOAD_SECONDS = 0.2
"""How long the users of a plan upload at full speed."""
FAILS = {"lab ci": 2, "--fail-above": 1, "{location}": 1, "lab doctor http": 1}
"""One round cannot show that nothing has become slower; the server of these tests names no Location, and
reads no body in chunks. These tests have no network, so that no release can be installed for ``lab ci``."""


class Place(NamedTuple):
    """A checkout in which commands are typed, and what stands for the addresses on the pages."""

    root: Path
    world: World
    addresses: dict[str, str]
    environment: dict[str, str]

    def run(self, command: str) -> "subprocess.Popen[str]":
        """Start it, in a process group of its own."""
        command = shortened(command)
        for written, here in self.addresses.items():
            command = command.replace(written, here)
        typed = f"cd '{self.root}'; {command}; exit"
        return subprocess.Popen(
            [*self.world.enter, "bash", "-c", typed], env=self.environment, start_new_session=True,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def shortened(command: str) -> str:
    """The command as it is typed here: with smaller words in place of some, and more that spare minutes."""
    for written, smaller in INSTEAD.items():
        command = re.sub(written, smaller, command)
    command, redirected, file = command.partition(" > ")
    return f"{command} {spared(command)}{redirected}{file}"


def spared(command: str) -> str:
    """The words that make it short, those left out that it has something to say of itself."""
    words = next((words for pattern, words in SHORTER.items() if re.search(pattern, command)), "")
    pairs = re.findall(r"(--[\w-]+)((?:[ =](?!--)\S+)?)", words)
    return " ".join(f"{option}{value}" for option, value in pairs if f"{option} " not in f"{command} ")


def words_of(command: str) -> tuple[str, frozenset[str]]:
    """What a command is typed for: of one that is planned, its options; of another, all its words."""
    words = shortened(command).split()
    if not PLANNED.match(command):
        return " ".join(sorted(words)), frozenset(words)
    return words[1], frozenset(word for word in words if word.startswith("--"))


class Typed:
    """What has been typed: of each command that is planned, its options."""

    def __init__(self) -> None:
        self._words: dict[str, set[str]] = {}

    def has(self, command: str) -> bool:
        """Whether it has nothing that was not typed before."""
        name, words = words_of(command)
        return name in self._words and words <= self._words[name]

    def add(self, command: str) -> None:
        name, words = words_of(command)
        self._words.setdefault(name, set()).update(words)


def documented() -> Iterator[list[str]]:
    """The blocks of all pages, their commands that the tests elsewhere have left out."""
    for page in PAGES:
        for block in blocks(page) if page not in OTHERS else []:
            if mine := [one for one in block if not any(word in one for word in ELSEWHERE)]:
                yield mine


def typed() -> Iterator[list[str]]:
    """The commands of each block that have something new, and what they need: a server, or the run before."""
    seen = Typed()
    for block in documented():
        mine = list[str]()
        for command, after in zip(block, [*block[1:], ""], strict=True):
            is_needed = READS_LAST.search(after) and not seen.has(after)
            if not seen.has(command) or SERVE in command or is_needed:
                mine.append(command)
            seen.add(command)
        if any(SERVE not in one for one in mine):
            yield mine


BLOCKS = list(typed())


def place(name: str, world: World, addresses: dict[str, str]) -> Place:
    """A fresh one, with a port to serve at, and no Docker."""
    root = checkout(world.folder / name)
    (root / "bin").mkdir()
    (root / "bin" / "docker").write_text("#!/bin/sh\nexit 1\n")
    (root / "bin" / "docker").chmod(0o755)
    for plan in (root / "configs" / "plans").glob("*.toml"):
        text = re.sub(r"^seconds = .*\n", "", plan.read_text(), flags=re.MULTILINE)
        plan.write_text(text.replace("[load]\n", f"[load]\nseconds = {LOAD_SECONDS}\n"))
    leave_one_ceiling(root)
    (port,) = free_ports(1)
    here = {**addresses, "http://localhost:5004": f"http://localhost:{port}"}
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    more = {"PATH": path, "PORT": str(port), "COLUMNS": "120"}
    return Place(root, world, here, {**os.environ, **more})


@pytest.fixture(scope="module")
def stored_run(world: World) -> Path:
    """A run such as a reader has who comes to `last`."""
    here = place("run", world, {})
    words = "--deployments flask --methods request.stream,request.files --sizes 64MiB --plan smoke"
    assert _wrong(f"./scripts/lab run {words}", here) == ""
    (found,) = (here.root / "benchmark" / "runs").iterdir()
    return found


@pytest.fixture(scope="module")
def addresses(world: World) -> Iterator[dict[str, str]]:
    """What answers where the pages say that something does."""
    here = place("served", world, {})
    with _behind(here, f"./scripts/{SERVE}flask"), _another(world) as other:
        url = f"http://127.0.0.1:{here.environment['PORT']}"
        ours = (
            "http://127.0.0.1:8000",
            "http://192.0.2.9:8000",
            "http://127.0.0.1:5000",
            "http://localhost:5000",
        )
        own = {"http://127.0.0.1:8000/up": other, "https://example.org": other}
        yield {**own, **dict.fromkeys(ours, url)}


ANOTHER = """
import sys
from tests.fake_server import serve
with serve(POST=(200, {})) as one:
    print(one.url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _another(world: World) -> Iterator[str]:
    """A server that is not the lab's; it takes every form."""
    command = [*world.enter, sys.executable, "-c", ANOTHER]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def _behind(here: Place, command: str) -> Iterator[None]:
    """A server in a terminal of its own, from its first answer to Ctrl-C."""
    process = here.run(command)
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if " answers on " in line:
            break
    else:
        pytest.fail(f"{command} does not serve: {''.join(said)}")
    threading.Thread(target=process.stdout.read, daemon=True).start()  # or it would wait
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=300)


def follow(block: list[str], here: Place, stored_run: Path) -> str:
    """Type the commands one after the other, with no runs but two old ones; what goes wrong, if anything."""
    runs = here.root / "benchmark" / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    for name in ("20260131-120000-quick", "20260131-120000-ceilings"):
        shutil.copytree(stored_run, runs / name)
    if "--worker" in " ".join(block):  # a line for each terminal, and two workers are waited for
        with ThreadPoolExecutor() as terminals:
            return "".join(terminals.map(lambda one: _wrong(one, here), [*block, block[-1]]))
    with ExitStack() as servers:
        for command in block:
            if SERVE in command:
                servers.enter_context(_behind(here, command))
            elif wrong := _wrong(command, here):
                return wrong
    return ""


def _wrong(command: str, here: Place) -> str:
    process = here.run(command)
    try:
        said, _ = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"{command}: does not end\n{process.communicate()[0]}\n"
    expected = next((code for word, code in FAILS.items() if word in command), 0)
    if process.returncode == expected and "Traceback" not in said:
        return ""
    return f"{command}: status {process.returncode}\n{said}\n"


@pytest.mark.slow
def test_commands_with_each_option_work_as_their_page_has_them(
    world: World, stored_run: Path, addresses: dict[str, str]
) -> None:
    places: SimpleQueue[Place] = SimpleQueue()
    for number in range(AT_ONCE):
        places.put(place(str(number), world, addresses))

    def one(block: list[str]) -> str:
        here = places.get()
        try:
            return follow(block, here, stored_run)
        finally:
            places.put(here)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = list(filter(None, pool.map(one, BLOCKS)))
    assert not wrong, "\n".join(wrong)


PLANNED_COMMANDS = sorted({one for block in documented() for one in block if PLANNED.match(one)})


@pytest.mark.parametrize("command", PLANNED_COMMANDS)
def test_what_a_command_names_can_be_planned(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = list[Draft]()
    monkeypatch.setattr(session, "start", lambda drafted, *_: planned.append(drafted))
    command = command.replace("uwsgi-tuned mine", "uwsgi-tuned uwsgi-default")  # the reader's own config
    main.lab.main(shlex.split(command)[1:], prog_name="lab", standalone_mode=False)
    assert all(one.targets and (one.cells or one.steps or one.checks) for one in planned)
    assert planned
