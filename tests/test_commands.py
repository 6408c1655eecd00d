"""The command line as a user meets it: good use, bad input, kills."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from uploadlab import session
from uploadlab.catalogue.clients import LAB_METHODS
from uploadlab.commands import main
from uploadlab.model.measurements import Measurement, Status
from uploadlab.paths import RUNS, default_data_dir
from uploadlab.planning import draft
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.run_folder import RunFolder

from .fake_server import serve
from .helpers import DEPLOYMENTS, REFERENCES, assert_nothing_left, environment, left_overs, wait_until
from .helpers import lab as command

SMALL = ("--deployments", "flask", "--methods", "request.stream,request.files", "--sizes", "1MiB")
ANSWERED = r"^(Fastest|Speed) .*? MiB"
"""The answer on speed: which of the two a run gives, depends on how much its figures scatter."""


def only_run(out: Path) -> RunFolder:
    (folder,) = out.iterdir()
    return RunFolder(folder)


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    (tmp_path / "data").mkdir()
    return ["--runtime", "local", "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]


@pytest.mark.usefixtures("no_left_overs")
def test_a_run_ends_with_its_answer_and_leaves_only_its_folder(tmp_path: Path, where: list[str]) -> None:
    done = command(*SMALL, "--rounds", "2", "--seed", "5", *where)
    assert done.returncode == 0, done.stderr
    speed = re.search(ANSWERED, done.stdout, re.MULTILINE | re.DOTALL)
    assert speed and re.search(r"in 2 rounds(,| of) 1 MiB", " ".join(speed[0].split()))
    assert len(done.stdout.splitlines()) <= 25
    assert "This host: " in done.stderr
    folder = only_run(tmp_path / "out")
    assert str(folder.path / "report.html") in done.stdout
    run = folder.read_run()
    assert (run.plan, run.seed, run.runtime) == ("quick", 5, "local")
    assert run.versions["flask"]["flask"]
    rows = [row for row in folder.read_measurements() if not (row.warmup or row.repeat)]
    assert {(row.cell_id, row.round) for row in rows} == {
        (one.cell.id, number) for one in run.cells for number in (1, 2)
    }
    assert [row.status for row in rows] == [Status.OK] * 2 * (2 + len(REFERENCES))
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--deployments", "flsk"], 2, "unknown deployment 'flsk': did you mean 'flask'"),
        (["--methods", "request.strem"], 2, "did you mean 'request.stream'"),
        (["--plan", "quik"], 2, "did you mean 'quick'"),
        (["--sizes", "64Mib0"], 2, "size '64Mib0'"),
        (["--rounds", "0"], 2, "--rounds must be above 0"),
        (["--rounds", "x"], 2, "'x' is not a valid integer"),
        (["--deployments", ","], 2, "',' names nothing"),
        (["--sizes", "9" * 400], 2, "is not a number of bytes"),
        (["--nonsense"], 2, "No such option"),
        (["word"], 2, "unknown command 'word': choose from run, check, doctor"),
        (["chek"], 2, "unknown command 'chek': did you mean 'check'?"),
        (["compare", "flask"], 2, "needs two configs or more"),
        (["compare", "flask", "flask"], 2, "flask is named twice: name it once"),
        (["compare", "flask", "none.ini"], 2, "'none.ini' is neither a config nor a deployment"),
        (["compare", "flask", "pyproject.toml"], 2, "copy it to its server's folder there"),
        (["compare", "flask", "configs/knobs.toml"], 2, "a config is one of configs/apache/*.conf, "),
        (["compare", "flask", "gunicorn", "--load"], 2, "compare has no --load: it belongs to run, resume"),
        (
            ["compare", "flask", "gunicorn", "--workers", "3"],
            2,
            "compare has no --workers: it belongs to run",
        ),
        (["compare", "flask", "gunicorn", "--within", "none"], 2, "'none' is not a percentage: write 10%"),
        (["compare", "flask", "gunicorn", "--minutes", "0"], 2, "--minutes must be above 0"),
        (["ablate", "flask"], 2, "flask has no config whose settings could be reset"),
        (["ablate", "uwsgi-default"], 2, "name another config"),
        (["ablate", "uwsgi-tuned", "gunicorn"], 2, "unexpected extra argument"),
        (["--within", "5%"], 2, "run has no --within: it belongs to compare, ablate"),
        (["--force"], 2, "run has no --force: it belongs to diff"),
        (["--fail-above", "5%"], 2, "run has no --fail-above: it belongs to compare, ablate, diff"),
        (["--target", "mine"], 2, "NAME=URL"),
        (["--target", "flask=http://127.0.0.1:1"], 2, "choose another"),
        (["resume", "x", "--rounds", "3"], 2, "resume has no --rounds: it belongs to run, compare, ablate"),
        (["resume", "no-such-run"], 1, "no run at"),
        (
            ["check", "--target", "mine=http://192.0.2.7:9", "--deployments", "mine", "--runtime", "docker"],
            1,
            "--runtime docker is not possible: no deployment has to be started",
        ),
        (["--sizes", "9000000GiB"], 1, "smaller --sizes or another --data-dir"),
        (["--data-dir", "/proc/x"], 1, "choose another --data-dir"),
        (["--out", "/proc/x"], 1, "choose another --out"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_type(
    tmp_path: Path, where: list[str], words: list[str], code: int, line: str
) -> None:
    has_command = not words[0].startswith("-")
    done = command(*words[:has_command], *where, *words[has_command:])
    assert (done.returncode, done.stdout) == (code, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith("lab: ")
    assert line in said
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "data").glob("*"))


def test_a_target_of_ones_own_is_measured(tmp_path: Path, where: list[str]) -> None:
    with serve(POST=(413, {"error": "too large for me"})) as fake:
        words = ["--target", f"mine={fake.url}/", "--methods", "request.stream", "--deployments", "flask"]
        done = command(*words, "--sizes", "1KiB", "--rounds", "1", *where)
    assert done.returncode == 1, done.stderr
    assert "Exit code 1: nothing arrived at mine" in done.stderr
    assert "413" in done.stdout
    assert "request.stream on mine: refused: 413, too large for me" in done.stdout
    measured = {row.deployment for row in only_run(tmp_path / "out").read_measurements()}
    assert measured == {"mine", "flask", *REFERENCES}


def test_a_target_that_does_not_answer_is_a_row_with_the_reason(
    tmp_path: Path, where: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploadlab.measuring.health.EXTERNAL_SECONDS", 0.0)
    words = ["--target", "mine=http://127.0.0.1:9", "--deployments", "mine", "--methods", "request.stream"]
    main.lab.main([*words, "--sizes", "1KiB", *where], prog_name="lab", standalone_mode=False)
    rows = [row for row in only_run(tmp_path / "out").read_measurements() if row.deployment == "mine"]
    assert [row.status for row in rows] == [Status.UNAVAILABLE]
    assert "http://127.0.0.1:9 does not answer /healthz" in str(rows[0].error)
    assert "--target" in str(rows[0].error)


COMPOSE = """
x-needs: {no-such-program: apt-get install no-such-program}
services:
  lacking:
    x-lab: {title: a, tier: stock, why: b, port: 1, needs: [no-such-program]}
    command: [no-such-program]
  dying:
    x-lab: {title: a, tier: stock, why: b, port: 2}
    command: [sh, -c, echo the last word; exit 3]
  absent:
    x-lab: {title: a, tier: stock, why: b, port: 4}
    command: [no-such-program]
  raw-sink:
    x-lab: {title: a, tier: reference, why: b, port: 3, accepts: [request.stream]}
    command: [python, services/references/raw_sink.py]
"""


def test_what_cannot_start_here_is_a_row_with_the_reason_and_the_mend(
    tmp_path: Path, where: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    for module in (session, draft):
        monkeypatch.setattr(module, "COMPOSE", tmp_path / "compose.yaml")
    monkeypatch.setattr("uploadlab.measuring.health.HEALTHY_SECONDS", 120.0)
    main.lab.main(
        ["--methods", "request.stream", "--sizes", "1KiB", *where], prog_name="lab", standalone_mode=False
    )
    why = {row.deployment: (row.status, row.error) for row in only_run(tmp_path / "out").read_measurements()}
    assert why["lacking"] == (
        Status.UNAVAILABLE,
        "no-such-program is not installed: apt-get install no-such-program",
    )
    assert why["dying"] == (Status.UNAVAILABLE, "sh ended with status 3: the last word")
    assert why["absent"][0] is Status.UNAVAILABLE
    assert "cannot start no-such-program: No such file" in str(why["absent"][1])
    assert why["raw-sink"] == (Status.OK, None)
    said = capsys.readouterr()
    assert "no-such-program is not installed" in said.err
    assert "dying: not measured, sh ended with status 3: the last word" in said.out


def start_long_run(out: Path, where: list[str], rounds: int = 3000) -> subprocess.Popen[str]:
    """A run that has measured something, and has much left to do."""
    words = [sys.executable, "-m", "uploadlab", *SMALL, "--rounds", str(rounds), *where]
    process = subprocess.Popen(
        words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(measurements(out)) >= 8)
    return process


def measurements(out: Path) -> list[str]:
    return [line for path in out.glob(f"*/{MEASUREMENTS}") for line in path.read_text().splitlines()]


def shorten(folder: RunFolder) -> list[tuple[str, int]]:
    """Leave only two rounds of a stopped run to be done; returns what all of it is then."""
    run = folder.read_run()
    rounds = max(row.round for row in folder.read_measurements()) + 2
    run.cells = [one._replace(rounds=rounds) for one in run.cells]
    folder.write_run(run)
    return sorted((one.cell.id, at) for one in run.cells for at in range(1, rounds + 1))


def counted(rows: list[Measurement]) -> list[tuple[str, int]]:
    """The rounds; those that a busy host disturbed were repeated, and are here once."""
    return sorted((row.cell_id, row.round) for row in rows if not (row.warmup or row.repeat))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_a_run_that_is_stopped_keeps_everything_and_goes_on(
    tmp_path: Path, where: list[str], number: signal.Signals
) -> None:
    process = start_long_run(tmp_path / "out", where)
    process.send_signal(number)
    table, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert re.search(ANSWERED, table, re.MULTILINE | re.DOTALL)
    folder = only_run(tmp_path / "out")
    assert said.splitlines()[-1].endswith(f"lab resume {folder.path} --data-dir {tmp_path / 'data'}")
    kept = counted(folder.read_measurements())
    assert list((tmp_path / "data").iterdir()) == []
    planned = shorten(folder)
    assert command("resume", folder.path, *where).returncode == 0
    rows = counted(folder.read_measurements())
    assert set(kept) <= set(rows)
    assert rows == planned


@pytest.mark.slow
def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path, where: list[str]) -> None:
    words = ["nohup", sys.executable, "-m", "uploadlab", *SMALL, "--rounds", "10", *where]
    process = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: bool(measurements(tmp_path / "out")))
    process.send_signal(signal.SIGHUP)
    assert process.wait(300) == 0


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_nothing_running_and_goes_on(tmp_path: Path, where: list[str]) -> None:
    before = left_overs()
    process = start_long_run(tmp_path / "out", where)
    assert left_overs() - before
    process.kill()
    process.communicate()
    wait_until(lambda: left_overs() <= before and not list((tmp_path / "data").iterdir()))
    folder = only_run(tmp_path / "out")
    with open(folder.path / MEASUREMENTS, "a") as file:
        file.write('{"run_id": "cut sho')  # what a kill within a write would leave
    kept = counted(folder.read_measurements())
    assert len(kept) >= 3
    planned = shorten(folder)
    assert command("resume", folder.path.name, *where).returncode == 0
    rows = counted(folder.read_measurements())
    assert set(kept) <= set(rows)
    assert rows == planned
    for line in measurements(tmp_path / "out"):
        json.loads(line)


@pytest.mark.slow
def test_a_run_clears_up_by_itself_if_its_guard_is_killed(tmp_path: Path, where: list[str]) -> None:
    before = left_overs()
    process = start_long_run(tmp_path / "out", where)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may have ended meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process.pid and b"reaper.py" in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGTERM)  # which it ignores
                os.kill(int(folder.name), signal.SIGKILL)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "go on with" in said
    assert_nothing_left(before)
    assert list((tmp_path / "data").iterdir()) == []


def test_defaults_lie_in_the_checkout_where_git_ignores_them() -> None:
    for path in (RUNS, default_data_dir()):
        assert (
            subprocess.run(
                ["git", "check-ignore", "-q", path / "x"], check=False, cwd=path.parents[1]
            ).returncode
            == 0
        )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--check", "--large"], "--check is a command now: write ./scripts/lab check --large"),
        (
            ["--compare", "a.ini", "b.ini", "--minutes", "3"],
            "write ./scripts/lab compare a.ini b.ini --minutes 3",
        ),
        (["--ablate", "a.ini", "--rounds", "6"], "write ./scripts/lab ablate a.ini --rounds 6"),
        (["--compare-runs", "x", "y", "--force"], "write ./scripts/lab diff x y --force"),
        (["--show", "last", "a/b/1MiB"], "write ./scripts/lab show last a/b/1MiB"),
        (["--report=last", "--format", "md"], "write ./scripts/lab report last --format md"),
        (["a.ini", "b.ini", "--compare"], "write ./scripts/lab compare a.ini b.ini"),
        (["run", "--check", "--out", "a b"], "write ./scripts/lab check --out 'a b'"),
        (
            ["--out", "/tmp/x", "--resume", "last", "--load"],
            "write ./scripts/lab resume last --out /tmp/x --load",
        ),
    ],
)
def test_an_old_flag_prints_the_new_line(words: list[str], line: str) -> None:
    done = command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert said.endswith(line)


def test_each_command_has_help_of_one_screen_with_examples_first() -> None:
    whole = command("--help", COLUMNS="80").stdout
    assert all(f"  {name} " in whole for name in main.COMMANDS)
    for name in main.COMMANDS:
        text = command(name, "--help", COLUMNS="80").stdout
        assert len(text.splitlines()) <= 40
        assert text.index("Example") < text.index("Options:")


@pytest.mark.parametrize("name", ["run", "check", "resume"])
def test_options_for_ones_own_server_have_a_help_of_their_own(name: str) -> None:
    assert "--target-help" in command(name, "--help").stdout
    assert "--cookie" not in command(name, "--help").stdout
    done = command(name, "--target-help", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  --header 'NAME: VALUE'" in done.stdout
    assert ("--stored-url" in done.stdout) == (name != "resume")


def test_what_there_is_to_choose_from_is_listed() -> None:
    text = command("list").stdout
    assert all(name in text for name in (*DEPLOYMENTS, *LAB_METHODS, "quick", "broken-chunk"))
    assert "flask" not in command("list", "plans").stdout.split()


def test_the_environment_of_the_user_does_not_reach_a_server(tmp_path: Path, where: list[str]) -> None:
    harmful = {"FLASK_DEBUG": "1", "GUNICORN_CMD_ARGS": "--workers 9", "PORT": "1", "STRICT_FRAMING": "1"}
    done = command(*SMALL, "--rounds", "1", *where, **harmful)
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stdout
    assert os.environ.get("FLASK_DEBUG") is None
    log = (only_run(tmp_path / "out").logs / "flask.log").read_text()
    assert "Debug mode: off" in log
