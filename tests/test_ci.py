"""lab ci as a CI runs it: the example workflow's steps in a shell, with what a runner sets."""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import yaml
from uploadlab.paths import ROOT
from uploadlab.storage.run_folder import RunFolder

from .helpers import environment, lab

EXAMPLE = ROOT / "docs" / "examples" / "uploads.yml"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
SMALL = {
    "cases": "one-byte,chunked", "sizes": "64KiB", "methods": "request.files-streamed", "minutes": "0.1",
    "fail-above": "900%",
}  # fmt: skip
"""What a user would not choose: it makes the job short, and no machine so noisy that it fails."""
APP = """
from pathlib import Path
from flask import Flask, request
app = Flask(__name__)
FOLDER = Path(__file__).parent / "uploads"
@app.post("/upload")
def upload():
    file = request.files["file"]
    file.save(FOLDER / Path(file.filename).name)
    return "stored", 201
"""


class Done(NamedTuple):
    """A step that ended."""

    code: int
    said: str
    outputs: dict[str, str]
    summary: str
    workspace: Path


def filled(text: str, known: dict[str, str]) -> str:
    """A text with the values of its expressions, as a runner fills it in."""
    return EXPRESSION.sub(lambda found: known[found[1]], str(text))


def run_action(workspace: Path, temp: Path, given: dict[str, str]) -> Done:
    """The action's own step, with inputs that were given and defaults of the others."""
    assert set(given) <= set(ACTION["inputs"])
    inputs = {
        name: given.get(name, str(about.get("default", ""))) for name, about in ACTION["inputs"].items()
    }
    (step,) = ACTION["runs"]["steps"]
    assert step["shell"] == "bash"
    own = {name: filled(text, {f"inputs.{key}": value for key, value in inputs.items()})
           for name, text in step["env"].items()}  # fmt: skip
    return run_step(step, workspace, temp, own)


def run_step(step: dict[str, Any], workspace: Path, temp: Path, own: dict[str, str]) -> Done:
    files = {name: temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    files["GITHUB_STEP_SUMMARY"].write_text("of an earlier line\n")
    more = {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(ROOT), "RUNNER_TEMP": str(temp),
        "GITHUB_WORKSPACE": str(workspace), **{name: str(file) for name, file in files.items()}, **own,
    }  # fmt: skip
    script = temp / "script.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script], cwd=workspace,
        env=environment(**more), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    summary = files["GITHUB_STEP_SUMMARY"].read_text()
    return Done(done.returncode, done.stdout + done.stderr, outputs, summary, workspace)


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path) -> str:
    """A project of a user's with a change; the commit before it."""
    (folder / "uploads").mkdir(parents=True)
    (folder / "uploads" / ".gitkeep").touch()
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("# what the lab has is enough\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "before")
    base = git(folder, "rev-parse", "HEAD")
    (folder / "app.py").write_text(f"{APP}\n# changed\n")
    git(folder, "commit", "--quiet", "--all", "-m", "after")
    return base


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The whole example workflow: one check and one comparison, for all tests of this module."""
    folder = tmp_path_factory.mktemp("job")
    workspace, temp = folder / "work", folder / "temp"
    temp.mkdir()
    known = {"github.event.pull_request.base.sha": repository(workspace), "runner.temp": str(temp)}
    steps = yaml.safe_load(EXAMPLE.read_text())["jobs"]["uploads"]["steps"]
    done = None
    for step in steps:
        if "run" in step:
            own = {name: filled(text, known) for name, text in step["env"].items()}
            assert run_step(step, workspace, temp, own).code == 0
        elif "upload-lab" in step["uses"]:
            given = {name: filled(text, known) for name, text in step["with"].items()}
            done = run_action(workspace, temp, {**given, **SMALL})
    assert done
    return done


def test_the_example_judges_a_change_of_an_app(job: Done) -> None:
    assert job.code == 0, job.said
    assert job.outputs == {"verdict": "pass", "junit": "upload-lab.xml", "report": "upload-lab"}
    assert "Pass: every upload arrived or was refused clearly; nothing is over 900% slower" in job.said
    assert re.search(r"\d+ of \d+ uploads, about \d", job.said) or "As fast" in job.said
    assert list((job.workspace / "uploads").iterdir()) == [job.workspace / "uploads" / ".gitkeep"]


def test_its_xml_has_the_cells_of_the_check_and_the_comparison(job: Done) -> None:
    root = ElementTree.fromstring((job.workspace / "upload-lab.xml").read_bytes())
    names = {suite.get("name"): [case.get("name") for case in suite.iter("testcase")] for suite in root}
    assert names == {
        "gunicorn-gthread": ["gunicorn-gthread/chunked", "gunicorn-gthread/one-byte"],
        "comparison": ["the change on gunicorn-gthread/request.files-streamed/64 KiB"],
    }
    assert not [*root.iter("failure"), *root.iter("error"), *root.iter("skipped")]


def test_its_page_is_below_what_was_there(job: Done) -> None:
    assert job.summary.startswith("of an earlier line\n# Pass: ")
    assert "| gunicorn-gthread | 2 | 0 | 0 | 0 |" in job.summary
    assert "<details><summary>The comparison</summary>" in job.summary


def test_its_runs_are_kept_with_their_reports_and_the_command_that_repeats_them(job: Done) -> None:
    folders = sorted((job.workspace / "upload-lab").iterdir())
    assert [folder.name.split("-", 2)[2] for folder in folders] == ["ci-check", "ci-compare"]
    assert all((folder / "report.html").is_file() for folder in folders)
    order = RunFolder(folders[1]).read_run().order
    assert order and order.base_app and order.app
    assert order.base_app.folder != order.app.folder == str(job.workspace)
    assert "lab ci " in job.summary


def test_the_action_hands_inputs_on_as_they_are(tmp_path: Path) -> None:
    """No input is a part of the script, whatever is in it."""
    assert not EXPRESSION.search(ACTION["runs"]["steps"][0]["run"])
    (tmp_path / "temp").mkdir()
    hostile = '$(touch injected); "`touch injected`" --junit=x'
    done = run_action(tmp_path, tmp_path / "temp", {"base": hostile, "report": "a b", "junit": "-c d.xml"})
    assert (done.code, done.outputs) == (2, {"verdict": "error", "junit": "-c d.xml", "report": "a b"})
    assert f"--base {hostile!r} is no version" in done.said
    assert not (tmp_path / "injected").exists()
    (error,) = ElementTree.fromstring((tmp_path / "-c d.xml").read_bytes()).iter("error")
    assert hostile in str(error.get("message"))
    assert "# Error: --base" in done.summary


def test_the_example_needs_no_more_than_to_read() -> None:
    workflow = yaml.safe_load(EXAMPLE.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for step in workflow["jobs"]["uploads"]["steps"]:
        assert not EXPRESSION.search(step.get("run", ""))
        assert re.search(r"@\w", step.get("uses", "@v"))
    text = EXAMPLE.read_text() + (ROOT / "action.yml").read_text()
    assert "secrets." not in text
    outputs = re.findall(r"steps\.uploads\.outputs\.(\w+)", EXAMPLE.read_text())
    assert outputs and set(outputs) <= set(ACTION["outputs"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--base", "nosuch==1"], "no server and no client of the lab loads nosuch"),
        (["--base", "none/requirements.txt"], "cannot read"),
        (["--base", "gunicorn==26.1.0", "--head", "gunicorn"], "--head 'gunicorn' is no version"),
        (["--head", "gunicorn==26.1.0"], "ci needs --base SIDE"),
        (["--app", "broken:app", "--base", "locked"], "ModuleNotFoundError: No module named 'nosuch'"),
        (["--app", "app:app", "--base-app", "nowhere"], "--base-app nowhere is no folder"),
        (["--base-app", "nowhere"], "add --app MODULE:NAME"),
    ],
)
def test_what_cannot_be_carried_out_is_one_line_in_every_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("import nosuch")
    (tmp_path / "app.py").write_text(APP)
    done = lab(
        "ci", *words, "--junit", tmp_path / "x.xml", "--summary", tmp_path / "x.md", "--out", tmp_path / "out"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert line in done.stderr.splitlines()[-1]
    (error,) = ElementTree.fromstring((tmp_path / "x.xml").read_bytes()).iter("error")
    assert line in str(error.get("message"))
    assert (tmp_path / "x.md").read_text().startswith("# Error: ")


def test_a_file_that_cannot_be_written_is_an_error_before_minutes_of_work(tmp_path: Path) -> None:
    done = lab("ci", "--base", "gunicorn==26.1.0", "--junit", tmp_path / "none" / "x.xml", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "x.xml was not written: No such file" in done.stderr
    assert not list(tmp_path.iterdir())
