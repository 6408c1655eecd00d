"""What README and docs promise: links that lead somewhere, fixes that are near, no figure that is typed."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from uploadlab.analysis import diagnosis  # noqa: F401  whose modules register the rules
from uploadlab.analysis.cause_rules import RULES
from uploadlab.commands.main import COMMANDS
from uploadlab.errors import LabError
from uploadlab.pages.__main__ import rendered
from uploadlab.paths import DOCS, RECIPES, REFERENCE
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder

from .checkout import checkout
from .pages import FENCED, GENERATED, PAGES, README, anchors, links, sections, target

FINDINGS, TROUBLES, INDEX = DOCS / "findings.md", DOCS / "troubleshooting.md", DOCS / "README.md"
REPORTED = """
    file is empty · MemoryError · whole core · 500 kB · /tmp is full · long silence · in a container ·
    client_body_temp · WORKER TIMEOUT · gunicorn reads bodies slowly · in place of the app's 4xx ·
    timeout during read · after 60 seconds · harakiri · invalid request block size · 504 ·
    proxy_request_buffering · truncated file
"""
"""What people report of uploads; each has a section of its own."""
UNITS = "MB/s|GB/s|CPU s/GB|x faster|x slower|times (as|faster|slower)|% (faster|slower)"
MEASURED = re.compile(rf"\d[\d.,]* ?({UNITS})")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page.read_text()):
        path, anchor = target(page, link)
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def linked_from(page: Path) -> set[Path]:
    return {target(page, link)[0] for link in links(page.read_text())}


def test_every_page_is_listed_by_question_one_click_from_the_readme() -> None:
    assert INDEX in linked_from(README)
    assert linked_from(INDEX) >= set(PAGES) - {README, INDEX}


@pytest.mark.parametrize("symptom", [words.strip() for words in REPORTED.split("·")])
def test_whoever_has_a_symptom_is_two_clicks_from_the_fix(symptom: str) -> None:
    (section,) = [one for one in sections(TROUBLES) if symptom in one.title]  # the README's first click
    clicks = [target(TROUBLES, link) for link in links(section.text)]
    second = {anchor for path, anchor in clicks if path == FINDINGS}
    assert any("**Fix" in one.text for one in sections(FINDINGS) if one.anchor in second)


def test_every_symptom_has_a_check_to_run_and_a_fix() -> None:
    text = TROUBLES.read_text()
    for part in re.split(r"^### ", text.partition("## At your own server")[0], flags=re.MULTILINE)[1:]:
        assert FENCED.search(part), part
        assert re.search(r"^Fix: ", part, re.MULTILINE), part


def test_every_finding_is_whole_and_every_cause_that_a_run_names_has_one() -> None:
    found = [section for section in sections(FINDINGS) if section.level == 3]  # below headings of groups
    for section in found:
        assert "<!-- begin: " in section.text, section.title
        labels = re.findall(r"^\*\*(\w+)", section.text, re.MULTILINE)
        assert list(dict.fromkeys(labels)) == ["Symptom", "Cause", "Fix", "Price"], section.title
    titles = " ".join(section.title for section in found)
    causes = {rule.finding for rule in RULES}
    assert causes <= anchors(FINDINGS)
    assert [name for name in causes if not re.search(rf"\b{name}\b", titles)] == []


def test_the_answer_of_the_findings_leads_to_each_section() -> None:
    answer = FINDINGS.read_text().partition("\n## ")[0]
    wanted = [section.anchor for section in sections(FINDINGS) if section.level == 3]
    assert sorted(set(links(answer)) & {f"#{anchor}" for anchor in wanted}) == sorted(f"#{a}" for a in wanted)


def test_every_recipe_is_shown_where_it_is_the_fix() -> None:
    shown = set(re.findall(r"<!-- begin: recipe (\S+) -->", FINDINGS.read_text()))
    linked = set(re.findall(r"\(recipes/([\w.-]+)\)", FINDINGS.read_text())) - {"README.md"}
    assert shown | linked == {path.name for path in RECIPES.iterdir() if path.suffix != ".md"}


def first_column(page: Path, title: str) -> list[str]:
    """What stands in backticks in the first cells of the tables of a section, without ``.py``."""
    (section,) = [one for one in sections(page) if one.title == title]
    cells = re.findall(r"^\| (`.+?`) \| ", section.text, re.MULTILINE)
    return [name.removesuffix(".py") for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_command_is_listed() -> None:
    assert first_column(DOCS / "usage.md", "Using the lab") == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_measured_figure_is_typed(page: Path) -> None:
    typed = re.sub(r"`[^`]*`", "", FENCED.sub("", GENERATED.sub("", page.read_text())))
    assert [found[0] for found in MEASURED.finditer(typed)] == []


def test_a_part_that_nobody_makes_or_ends_is_told() -> None:
    for text in ("<!-- begin: nonsense -->\n<!-- end -->\n", "<!-- begin: goals -->\n"):
        with pytest.raises(ValueError, match="no end, or none of"):
            rendered(text)


def test_a_part_is_made_anew_and_the_rest_left_alone() -> None:
    page = "above\n<!-- begin: cases -->\nstale\n<!-- end -->\nbelow\n"
    new = rendered(page)
    assert new.startswith("above\n<!-- begin: cases -->\n| case | kind |")
    assert new.endswith("<!-- end -->\nbelow\n")
    assert "stale" not in new
    assert rendered(new) == new


def test_a_run_is_kept_with_all_that_pages_need(tmp_path: Path) -> None:
    root = checkout(tmp_path / "checkout")
    run = Path(shutil.copytree(REFERENCE / "profiles", tmp_path / "a run"))
    subprocess.run(["gunzip", run / f"{MEASUREMENTS}.gz"], check=True)
    (run / "report.html").touch()
    keep: list[str | Path] = [root / "scripts" / "keep-run"]
    for path in (run, root / "benchmark/reference/kept"):  # again, from where it is kept
        subprocess.run([*keep, path, "kept"], check=True)
        kept, was = RunFolder(root / "benchmark/reference/kept"), RunFolder(REFERENCE / "profiles")
        assert kept.read_measurements() == was.read_measurements()
        assert read_calls(kept) == read_calls(was) != {}
        assert not (kept.path / "report.html").exists()
        assert not (kept.path / MEASUREMENTS).exists()
    assert subprocess.run(keep, check=False).returncode == 2
    assert subprocess.run([*keep, run, "../x"], check=False).returncode == 2


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("upload.py Blocks", "class Blocks(HTTPAdapter):"),
        ("gunicorn_body.py ConnectionBody.readinto", "def readinto(self, buffer: Any) -> int:"),
        ("app.py upload", '@app.route("/upload", methods=["PUT", "POST"])'),
        ("gunicorn.conf.py threads", "threads = 40"),
        ("uwsgi.ini socket-timeout", "socket-timeout = 30"),
        ("nginx.conf HTTP_TRANSFER_ENCODING", 'uwsgi_param HTTP_TRANSFER_ENCODING "";'),
    ],
)
def test_an_excerpt_has_the_code_of_a_name_and_no_more(words: str, first: str) -> None:
    page = rendered(f"<!-- begin: excerpt {words} -->\n<!-- end -->\n")
    ((_, _, code),) = FENCED.findall(page)
    assert code.startswith(first)
    if words.partition(" ")[0].endswith(".py"):
        assert len(ast.parse(code).body) == 1


def test_the_findings_code_can_be_run_as_it_stands() -> None:
    for language, _, code in FENCED.findall(GENERATED.sub("", FINDINGS.read_text())):
        for node in ast.parse(code).body if language == "python" else []:
            if isinstance(node, ast.ImportFrom) and (recipe := RECIPES / f"{node.module}.py").exists():
                made = {getattr(found, "name", "") for found in ast.parse(recipe.read_text()).body}
                assert {alias.name for alias in node.names} <= made, code


@pytest.mark.parametrize(
    "part",
    [
        "rates quick request.stream nonsense",
        "rates quick nonsense flask",
        "costs_of quick request.stream flask,nonsense",
        "checks check nonsense flask",
        "knobs gunicorn nonsense",
        "tables quick 3MiB",
        "host nonsense",
        "excerpt app.py nonsense",
        "excerpt nginx.conf nonsense",
    ],
)
def test_evidence_that_there_is_none_of_is_told(part: str) -> None:
    with pytest.raises((LabError, ValueError)):
        rendered(f"<!-- begin: {part} -->\n<!-- end -->\n")
