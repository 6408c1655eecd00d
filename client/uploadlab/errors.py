"""Defines what ends a command: errors that the user can fix, and a stop that the user asked for."""

import signal

FAILED, MISUSED, INTERRUPTED = 1, 2, 128 + signal.SIGINT
"""Exit codes of every command."""


class LabError(Exception):
    """An error that the user can fix: one line with what failed, the value, and what to type next."""

    exit_code = FAILED


class UsageError(LabError):
    """A wrong command line, or a mistake in a file of configs/."""

    exit_code = MISUSED


class Stopped(Exception):
    """The user ended the command; the text says how to go on."""

    exit_code = INTERRUPTED


def problem_of(error: BaseException) -> str:
    """Return what an error says, without its number and the file's name, which the sentence around it has."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
