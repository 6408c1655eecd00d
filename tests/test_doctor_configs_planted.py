"""``doctor --config`` on the files of stacks with a planted fault. No server is started."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from uploadlab.doctoring.config_rules.saying import ConfigFile
from uploadlab.doctoring.configs import diagnose_configs
from uploadlab.model.diagnoses import Diagnosis, Weight
from uploadlab.pages.planted import HEALTHY

from benchmark.planted.catalogue import chosen
from benchmark.planted.stack import Place, Stack

NOT_IN_A_CONFIG = ("app.", "link.", "tls.", "tornado.")
"""Hops whose faults no config has. Tornado is a program."""
UNSEEN = {
    "uwsgi-chunked": "its ini is that of an app which reads chunks",
    "uvicorn-chunked": "the command does not say that the app is WSGI",
    "hypercorn-chunked": "the command does not say that the app is WSGI",
    "nginx-spool-2mb": "the disk is full, and the config is as it should be",
}


class PaperPlace(Place):
    """A place where nothing is started: it keeps what stacks write, and their commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.uploads = self.spool = folder
        self.files: list[ConfigFile] = []
        self.commands = ""

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": "here"}

    def port(self) -> int:
        return 8000

    def write(self, name: str, text: str) -> Path:
        self.files += [ConfigFile(name, text)] if "." in name or name == "Caddyfile" else []
        path = self.folder / name
        path.write_text(text)
        return path

    def start(
        self,
        command: Sequence[str | Path],
        port: int,
        environment: Mapping[str, str] | None = None,
        ready: str = "",
    ) -> int:
        self.commands += f"web: {shlex.join(map(str, command))}\n"
        return port

    def answers(self, port: int) -> int:
        return port

    def link(self, link: Any, port: int) -> int:
        return port

    def certificate(self, *names: str, is_trusted: bool = True, is_expired: bool = False) -> Path:
        return self.folder / "tls.pem"


def read(stack: Stack, folder: Path) -> Diagnosis:
    place = PaperPlace(folder)
    stack.start(place)
    return diagnose_configs([*place.files, ConfigFile("Procfile", place.commands)])


def test_a_fault_that_stands_in_a_config_comes_first(tmp_path: Path) -> None:
    stacks = {
        stack.name: stack
        for stack in chosen([], [], held_out=False, sample=False)
        if stack.expected and not any(cause.startswith(NOT_IN_A_CONFIG) for cause in stack.expected)
    }
    firsts = {name: read(stack, tmp_path).findings[:1] for name, stack in stacks.items()}
    wrong = {
        name for name, found in firsts.items() if not {each.cause for each in found} & stacks[name].expected
    }
    assert wrong == UNSEEN.keys() & stacks.keys()
    assert len(stacks) > 20


@pytest.mark.parametrize(
    "stack", chosen([HEALTHY], [], held_out=False, sample=False), ids=lambda stack: stack.name
)
def test_a_healthy_stack_has_nothing_above_a_note(stack: Stack, tmp_path: Path) -> None:
    assert {finding.weight for finding in read(stack, tmp_path).findings} <= {Weight.NOTE}
