"""docs/extending.md: what each of its sections says is done as it says, in a checkout of its own."""

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from uploadlab.model.checks import Verdict
from uploadlab.model.measurements import Status
from uploadlab.paths import ROOT
from uploadlab.storage.run_folder import RunFolder

from .checkout import CEILING, checkout, leave_one_ceiling
from .helpers import need

pytestmark = pytest.mark.slow

Look = Callable[[Path], None]


class Block(NamedTuple):
    """What is fenced: a file if it has a path, else an edit or commands."""

    language: str
    path: str
    text: str


def sections(page: str) -> dict[str, list[Block]]:
    """The blocks of those that have any, by title."""
    _, *parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    fences = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    found = {title: fences.findall(text) for title, text in zip(parts[::2], parts[1::2], strict=True)}
    return {title: [Block(*one) for one in blocks] for title, blocks in found.items() if blocks}


class Promise(NamedTuple):
    """What a section says comes of it, and the programs that it takes."""

    look: Look
    needs: tuple[str, ...]


SECTIONS = sections((ROOT / "docs" / "extending.md").read_text())
PROMISES: dict[str, Promise] = {}


def promise(title: str, *needs: str) -> Callable[[Look], Look]:
    """Register how to look, in a checkout where a section was followed, for what it promises."""

    def register(look: Look) -> Look:
        PROMISES[title] = Promise(look, needs)
        return look

    return register


ALL_PAGES = "PYTHONPATH=client .venv/bin/python -m uploadlab.pages"
"""Takes seconds: one section makes all pages, the others the page that they are about."""
A_PAGE = """PYTHONPATH=client .venv/bin/python -c '
from pathlib import Path
from uploadlab.pages.__main__ import rendered
page = Path("docs/{}.md")
page.write_text(rendered(page.read_text()))'"""
PAGE_OF = {
    "A client": "clients",
    "A case of the check": "checks",
    "A knob": "deployments",
    "A part of a page": "links",
}


def follow(title: str, block: Block, root: Path) -> None:
    if block.path:
        (root / block.path).write_text(block.text)
    elif block.language == "diff":
        run("git apply", root, block.text)
    else:
        assert block.language == "sh", block
        for line in block.text.splitlines():
            is_about = PAGE_OF.get(title) if line == ALL_PAGES else None
            run(A_PAGE.format(is_about) if is_about else line, root)


def run(command: str, root: Path, given: str = "") -> str:
    """What the command prints."""
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere"}  # no engine answers, so without Docker
    done = subprocess.run(
        ["bash", "-c", command], cwd=root, env=environment, input=given,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def runs(root: Path, folder: str = "runs") -> list[RunFolder]:
    """From the oldest to the newest."""
    return [RunFolder(path) for path in sorted((root / "benchmark" / folder).iterdir())]


def arrived(folder: RunFolder) -> Counter[tuple[str, str]]:
    """How many uploads each pair of deployment and method has, none of them lost."""
    rows = [row for row in folder.read_measurements() if not (row.warmup or row.repeat)]
    rows = [row for row in rows if row.deployment != CEILING]
    assert {(row.status, row.error, row.digest_ok) for row in rows} == {(Status.OK, None, True)}
    return Counter((row.deployment, row.method) for row in rows)


def passed(folder: RunFolder) -> set[tuple[str, str]]:
    """The deployments and cases of a check, all of which hold."""
    rows = folder.read_checks()
    assert {row.verdict for row in rows} == {Verdict.PASS}
    return {(row.deployment, row.case) for row in rows}


@promise("A plan")
def the_plans_cells_are_measured(root: Path) -> None:
    (folder,) = runs(root)
    methods = ("request.stream", "request.files")
    assert arrived(folder) == {(name, method): 4 for name in ("flask", "gunicorn") for method in methods}


@promise("A link")
def an_upload_goes_over_the_link(root: Path) -> None:
    (folder,) = runs(root)
    assert set(arrived(folder)) == {(f"{name}@train", "request.stream") for name in ("flask", CEILING)}
    (row,) = [row for row in folder.read_measurements() if row.deployment == "flask@train" and not row.warmup]
    assert row.seconds and row.seconds > 2  # the tunnel


@promise("A config", "uwsgi")
def a_config_is_compared_by_its_name(root: Path) -> None:
    (folder,) = runs(root)
    names = ("uwsgi-tuned", "uwsgi-tuned-again", "uwsgi-threads")
    rounds = arrived(folder)
    assert set(rounds) == {(name, "request.stream") for name in names}
    assert max(rounds.values()) <= 8


@promise("A deployment")
def a_deployment_stores_every_byte_and_has_its_settings_shown(root: Path) -> None:
    measured, checked = runs(root)
    assert set(arrived(measured)) > {("gunicorn-sync", one) for one in ("request.stream", "request.files")}
    assert {name for name, _ in arrived(measured)} == {"gunicorn-sync"}
    assert passed(checked) == {("gunicorn-sync", "content-length"), ("gunicorn-sync", "chunked")}
    settings = (root / "docs" / "deployments.md").read_text().partition("### gunicorn-sync\n")[2]
    assert "| `timeout = 0` | " in settings


@promise("A method")
def a_method_stores_every_byte(root: Path) -> None:
    (folder,) = runs(root)
    assert set(arrived(folder)) == {(name, "multipart-push-fields") for name in ("flask", "gunicorn")}


@promise("A client")
def a_client_sends_is_checked_and_listed(root: Path) -> None:
    measured, checked = runs(root)
    assert arrived(measured) == {("flask", "socket-only.stream"): 2}
    assert passed(checked) == {("socket-only", case) for case in ("file-empty", "redirect-307")}
    assert "### socket-only\n\nA bare socket" in (root / "docs" / "clients.md").read_text()


@promise("A case of the check")
def a_case_is_tried_and_listed(root: Path) -> None:
    (folder,) = runs(root)
    assert passed(folder) == {(name, "quoted-boundary") for name in ("flask", "gunicorn")}
    assert "| `quoted-boundary` | good uploads | " in (root / "docs" / "checks.md").read_text()


@promise("A knob")
def a_knob_is_turned_and_shown(root: Path) -> None:
    (folder,) = runs(root, "knobs")
    names = ("gunicorn-gthread", "gunicorn-gthread~threads=1", "gunicorn-gthread~threads=16")
    assert arrived(folder) == {(name, "request.stream"): 6 for name in names}
    assert "| `1`: not measured<br>`16`: not measured |" in (root / "docs" / "deployments.md").read_text()


@promise("A front", "caddy")
def a_front_stores_every_byte(root: Path) -> None:
    (folder,) = runs(root)
    assert set(arrived(folder)) == {("caddy-patient", "request.stream")}


CONNECTED_LATE = """
from uploadlab.analysis.diagnosis import RULES
from uploadlab.analysis.cause_rules import CellEvidence
from uploadlab.model.measurements import Measurement
row = dict(run_id="r", cell_id="c", deployment="mine", method="request.stream", size_bytes=1, round=1)
row |= dict(warmup=False, status="ok", started_at="", seconds=2.0, connected_seconds=1.0)
(rule,) = [rule for rule in RULES if rule.name == "connected-late"]
assert rule.figure(CellEvidence([Measurement(**row)], [], None)) == 0.5
"""


@promise("A cause")
def a_cause_is_among_the_rules(root: Path) -> None:
    run(f"PYTHONPATH=client .venv/bin/python -c '{CONNECTED_LATE}'", root)


@promise("A rule of the doctor")
def a_line_of_a_log_is_understood(root: Path) -> None:
    shown = run("./scripts/lab doctor --log our-app.log", root)
    assert "the app refuses bodies over its own limit" in shown


@promise("A command")
def a_command_is_listed_and_does_its_work(root: Path) -> None:
    assert "\n  runs " in run("./scripts/lab --help", root)
    (root / "benchmark" / "runs" / "20260131-120000-quick").mkdir(parents=True)
    assert run("./scripts/lab runs", root) == "20260131-120000-quick\n"


@promise("A part of a page")
def a_part_is_written(root: Path) -> None:
    assert "\nThe declared links: " in (root / "docs" / "links.md").read_text()


def test_every_section_with_something_to_do_is_followed() -> None:
    assert set(SECTIONS) == set(PROMISES)
    assert {blocks[-1].language for blocks in SECTIONS.values()} == {"sh"}


@pytest.mark.parametrize("title", SECTIONS)
@pytest.mark.usefixtures("no_left_overs")
def test_what_a_section_says_comes_true(tmp_path: Path, title: str) -> None:
    look, needs = PROMISES[title]
    need(*needs)
    root = checkout(tmp_path)
    leave_one_ceiling(root)
    for block in SECTIONS[title]:
        follow(title, block, root)
    look(root)


def test_a_checkout_needs_no_installing(tmp_path: Path) -> None:
    need("nginx")  # which install would fetch
    root = checkout(tmp_path)
    for words in ((), ("client",), ("dev",)):
        done = subprocess.run(
            ["./scripts/install", *words], cwd=root, capture_output=True, text=True, check=True, timeout=600
        )
        assert (done.stdout, done.stderr) == ("", "")
