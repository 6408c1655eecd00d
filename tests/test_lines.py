"""The lab's talk with its own processes."""

import subprocess
import sys

import pytest
from uploadlab.processes.jsonpipe import Lines, UnreadableAnswer


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
    assert lines.read(int, 60) is None
    assert lines.process.poll() == 0


def test_an_answer_longer_than_a_pipe_is_read_whole() -> None:
    lines = talk("print('[' + '1,' * 100_000 + '1]')")
    assert lines.read(list[int], 60) == [1] * 100_001


def test_an_answer_that_is_none_says_so() -> None:
    lines = talk("print('hello')")
    with pytest.raises(UnreadableAnswer, match="b'hello' is no answer"):
        lines.read(int, 60)
