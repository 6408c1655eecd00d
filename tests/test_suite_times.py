"""How long the parts of the suite take: kept from pytest's own file, and shown."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from uploadlab.pages import suite_times
from uploadlab.pages.suite_times import FileTimes, SuiteTimes, by_first_word, read_junit

SOME = """
import pytest
class TestAll:
    def test_a(self): pass
def test_b(): pytest.skip("not here")
"""


def test_what_pytest_writes_is_understood(tmp_path: Path) -> None:
    for name in ("test_doctor", "test_doctor_wire"):
        (tmp_path / f"{name}.py").write_text(SOME)
    junit = tmp_path / "junit.xml"
    words: list[str | Path] = [
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tmp_path,
        f"--junitxml={junit}",
        tmp_path,
    ]
    subprocess.run([sys.executable, "-m", "pytest", "-q", *words], cwd=tmp_path, check=True, timeout=600)
    times = read_junit(junit)
    assert [(name, file.tests, file.skipped) for name, file in times.files.items()] == [
        ("doctor", 2, 1),
        ("doctor_wire", 2, 1),
    ]
    assert times.seconds > 0 and len(times.measured) == len("2026-11-28")


@pytest.mark.parametrize(
    "text", ["no XML", "<testsuites/>", '<testsuite timestamp="x" time="1"><testcase/></testsuite>']
)
def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "junit.xml").write_text(text)
    monkeypatch.setattr(sys, "argv", ["suite-times", str(tmp_path / "junit.xml")])
    monkeypatch.setattr(suite_times, "KEPT", tmp_path / "kept.json")
    with pytest.raises(SystemExit, match="no JUnit XML of pytest"):
        suite_times.main()
    assert not (tmp_path / "kept.json").exists()


def test_groups_share_the_first_word_and_small_ones_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "app": FileTimes(3, 0.4),
        "doctor": FileTimes(2, 60.0),
        "doctor_wire": FileTimes(4, 40.0, 1),
        "b": FileTimes(1, 0.1),
    }
    files |= {"fronts_tls": FileTimes(5, 300.0)}
    assert list(by_first_word(files)) == ["fronts", "doctor", "app", "b"]
    kept = tmp_path / "kept.json"
    kept.write_bytes(msgspec.json.encode(SuiteTimes("2026-11-28", 200.0, files)))
    monkeypatch.setattr(suite_times, "KEPT", kept)
    text = suite_times.suite_times()
    assert "Measured on 2026-11-28: 15 tests (1 skipped) took 3 minutes" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| `test_fronts_tls` | 1 | 5 | 300 |",
        "| `test_doctor*` | 2 | 6 | 100 |",
        "| all others | 2 | 4 | 0 |",
    ]
