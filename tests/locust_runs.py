"""Locust without its page, for a few seconds; on a busy host for longer."""

import subprocess
from collections.abc import Callable, Mapping, Sequence

from .helpers import LOCUST

Done = subprocess.CompletedProcess[str]


def for_long_enough(
    words: Sequence[str],
    seconds: float,
    environment: Mapping[str, str],
    enough: Callable[[Done], object],
    before: Sequence[str] = (),
) -> Done:
    """Run Locust, by the command ``before`` it; what has not shown enough is done again, for longer."""
    for factor in (1, 3, 10, 100):
        command = [*before, *LOCUST, "--headless", "--run-time", f"{seconds * factor:g}", *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        if enough(done):
            break
    return done
