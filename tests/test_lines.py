"""The lab's talk with its own processes."""

import subprocess
import sys

from uploadlab.lines import Lines


def talk(script: str) -> Lines:
    return Lines(
        subprocess.Popen(
            [sys.executable, "-c", script], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    )


def test_answers_that_come_at_once_are_handed_out_one_by_one() -> None:
    lines = talk("print('1\\n2\\n3', flush=True); input()")
    assert [lines.read(int, 60) for _ in range(3)] == [1, 2, 3]
    assert lines.read(int, 0.2) is None
    lines.write({})
    assert lines.line(60) == b""
    assert lines.process.poll() == 0


def test_an_answer_longer_than_a_pipe_is_read_whole() -> None:
    lines = talk("print('[' + '1,' * 100_000 + '1]')")
    assert lines.read(list[int], 60) == [1] * 100_001
