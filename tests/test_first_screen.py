"""The README's first screen: a recording of its command; then the story, the doors, and ten questions."""

import importlib.util
import io
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from uploadlab import session
from uploadlab.commands.main import lab as lab_command
from uploadlab.declared.plans import load_plan
from uploadlab.model.measurements import Status
from uploadlab.pages.answer import COLUMNS
from uploadlab.pages.part import kept
from uploadlab.pages.recording import NARROW_COLUMNS
from uploadlab.paths import DOCS, PLANS
from uploadlab.planning.draft import Draft
from uploadlab.units import parse_size

from .pages import FENCED, GENERATED, README, blocks, links, sections, target

TEXT = README.read_text()
FIRST_SCREEN = "".join(TEXT.splitlines(keepends=True)[:40])
INDEX, RESULTS = DOCS / "README.md", DOCS / "results.md"
APPS = Path(__file__).parent / "own_apps"
QUESTIONS = {
    "Traefik": ["Traefik"],
    "my handler": ["request.stream.read"],
    "my own URL": ["--expect-status"],
    "my setup": ["gunicorn-gthread"],
    "100% of its ceiling": ["can be over 100%"],
    '"share"': ["raw-sink"],
    "5 GB from a browser": ["upload_resumable.html"],
    "no length": ["chunked"],
    "httpx": ["stream-1m"],
    "slow mobile": ["slow clients"],
}
"""What new users asked, and words that have to be where an answer leads."""


def drafted(command: str, monkeypatch: pytest.MonkeyPatch) -> Draft:
    """What a command of the README asks for."""
    asked: list[Draft] = []
    monkeypatch.setattr(session, "start", lambda draft, *_: asked.append(draft))
    _, *words = shlex.split(command)
    lab_command.main(words, prog_name="lab", standalone_mode=False)
    return asked[0]


def test_it_is_short_and_begins_with_a_recording_of_its_command() -> None:
    assert len(TEXT.splitlines()) <= 120
    places = [FIRST_SCREEN.index(text) for text in ("<picture>", "run-matrix.sh --plan first", "#questions")]
    assert places == sorted(places)
    first, second = next(blocks(README))
    assert second == "docker compose up --build"
    for kind in ("light", "dark", "narrow-light", "narrow-dark"):
        shown = recorded(kind)
        typed = " ".join(line.removesuffix(" \\").lstrip("$ ") for line in shown[: shown.index("")])
        assert typed == first


def recorded(kind: str) -> list[str]:
    """The lines of a recording, empty ones included."""
    lines: dict[float, str] = {}
    for piece in ET.parse(DOCS / f"first-{kind}.svg").getroot().findall("{*}text"):
        y = float(piece.attrib["y"])
        lines[y] = f"{lines.get(y, '')} {piece.text}".strip()
    first, last = min(lines), max(lines)
    return [lines.get(float(y), "") for y in range(int(first), int(last) + 1, 20)]


def test_the_recording_is_of_the_run_that_its_command_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, run = drafted(next(blocks(README))[0], monkeypatch), kept("first").run
    assert (asked.order.plan_name, run.plan) == ("first", "first")
    assert {(planned.cell, planned.rounds) for planned in asked.cells} == {
        (planned.cell, planned.rounds) for planned in run.cells
    }
    sent = sum(planned.cell.size_bytes * planned.rounds for planned in run.cells)
    assert sent < 12e9  # a slow machine sends that in less than a minute


def test_the_recording_fits_its_screen_names_what_was_lost_and_fetches_nothing() -> None:
    lost = {row.deployment for row in kept("first").rows if row.status is Status.WRONG}
    assert lost
    for kind, columns in {"light": COLUMNS, "narrow-light": NARROW_COLUMNS}.items():
        lines = recorded(kind)
        assert max(map(len, lines)) <= columns
        assert all(name in " ".join(lines) for name in lost)
    for path in DOCS.glob("first-*.svg"):
        rest = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|url\(|@import|href|<script|<style|font-face", rest), path
    assert len(recorded("light")) <= 28


def handler(name: str, tmp_path: Path) -> tuple[Flask, Path]:
    """An example app in a folder of its own, and the folder that it stores in."""
    (folder := tmp_path / name).mkdir()
    path = folder / "app.py"
    path.write_text((APPS / name / "app.py").read_text())
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app, folder / "uploads"


def test_both_handlers_of_the_story_store_a_file_and_only_one_notices_that_it_is_cut(tmp_path: Path) -> None:
    usual, usual_folder = handler("flask_form", tmp_path)
    recommended, folder = handler("flask_stream", tmp_path)
    body = b"\r\n\0" * 700_000
    answers = [
        usual.test_client().post("/upload", data={"file": (io.BytesIO(body), "big.bin")}),
        recommended.test_client().put("/upload", data=body),
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [path.read_bytes() for path in (*usual_folder.iterdir(), *folder.iterdir())] == [body, body]
    gone = {"CONTENT_LENGTH": str(len(body) + 1), "wsgi.input_terminated": True}  # as behind gunicorn
    cut = recommended.test_client().put("/upload", input_stream=io.BytesIO(body), environ_overrides=gone)
    assert cut.status_code == 400
    assert len([path for path in folder.iterdir() if not path.suffix]) == 1


def test_the_story_shows_the_two_handlers() -> None:
    (shown,) = [text for language, _, text in FENCED.findall(TEXT) if language == "diff"]
    for mark, name in {"-": "flask_form", "+": "flask_stream"}.items():
        lines = [line[1:] for line in shown.splitlines() if line[0] in (mark, " ")]
        source = [line for line in (APPS / name / "app.py").read_text().splitlines() if '"""' not in line]
        assert "\n".join(lines) in "\n".join(source)


def test_the_table_has_four_servers_of_the_run_above_and_says_what_is_lost() -> None:
    (table,) = [part for part in GENERATED.findall(TEXT) if "begin: handler_figures first " in part]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    assert [row[0].strip() for row in rows] == [
        "`flask`", "`uwsgi-default`", "`uwsgi-tuned`", "`nginx-uwsgi`"
    ]  # fmt: skip
    wrong = {row.deployment for row in kept("first").rows if row.status is Status.WRONG}
    assert {row[0].strip(" `") for row in rows if "wrong" in row[3]} == wrong & {
        row[0].strip(" `") for row in rows
    }


def test_the_command_beside_the_full_table_measures_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    text = RESULTS.read_text()
    assert "<!-- begin: tables quick -->" in text
    found = re.search(r"<!-- begin: again quick (\S+) -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found
    run = kept("quick").run
    shown = {planned.cell for planned in run.cells if planned.cell.size_bytes == parse_size(found[1])}
    (command,) = found[2].replace("\\\n", " ").splitlines()
    asked = drafted(command, monkeypatch)
    assert (asked.order.seed, asked.order.rounds) == (run.seed, run.order and run.order.rounds)
    assert shown
    assert shown <= {planned.cell for planned in asked.cells}


def test_every_plan_that_the_readme_names_is_there() -> None:
    for name in re.findall(r"--plan (\S+)", TEXT):
        assert load_plan(name, PLANS).title
    assert f"| `first` | {load_plan('first', PLANS).title} |" in (DOCS / "usage.md").read_text()


def test_each_question_of_a_new_user_has_an_answer_that_leads_to_more() -> None:
    (section,) = [one for one in sections(INDEX) if one.title == "Questions"]
    asked = re.split(r"^- (?=\*\*)", section.text, flags=re.MULTILINE)[1:]
    assert len(asked) == len(QUESTIONS)
    for (question, words), item in zip(QUESTIONS.items(), asked, strict=True):
        assert question in item.partition("?**")[0]
        there = [place(*target(INDEX, link)) for link in links(item)]
        assert all(any(word in text for text in there) for word in words), question


def place(page: Path, anchor: str) -> str:
    """What stands where a link leads: a section with its code, or a whole page."""
    if not anchor:
        return page.read_text()
    title = next(one.title for one in sections(page) if one.anchor == anchor)
    after = page.read_text().partition(f" {title}\n")[2]
    return re.split(r"^#{1,3} ", after, maxsplit=1, flags=re.MULTILINE)[0]
