"""offline-images.sh and pin-images: what they hand to the engine, to .env and to the terminal."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from uploadlab.paths import ROOT

INDEX = "http://bob:s3cret@index.example/simple"
DIGEST = f"sha256:{'ab' * 32}"
FAKES = {
    "docker": f"""#!/bin/sh
echo "docker $*" >>"$FOLDER/calls"
case "$1 $2" in
  "pull --quiet") [ "$3" != gone:1 ] ;;
  "image inspect") case "$5" in local:*) ;; *) echo "name@{DIGEST}" ;; esac ;;
esac
""",
    "mmdebstrap": """#!/bin/sh
echo "mmdebstrap $*" >>"$FOLDER/calls"
""",
    "apt-get": "#!/bin/sh\n",
    "python3": """#!/bin/sh
[ "$*" = "-m pip config get global.index-url" ] && [ -n "$CONFIGURED" ] && echo "$CONFIGURED"
""",
}


class Typed:
    """The scripts of a copy, beside programs that only write their arguments down."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.folder = folder
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        shutil.copy(ROOT / "compose.yaml", self.root)
        (folder / "bin").mkdir()
        for name, text in FAKES.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def run(self, script: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        hidden = ("PIP_INDEX_URL", "PYTHON_IMAGE", "NGINX_IMAGE")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            [self.root / "scripts" / script, *words],
            env={**kept, "CONFIGURED": "", **more, "PATH": path, "FOLDER": str(self.folder)},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    def read(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    return Typed(tmp_path)


@pytest.mark.parametrize("where", ["CONFIGURED", "PIP_INDEX_URL"])
@pytest.mark.parametrize("words", [(), ("--write",)])
def test_an_index_with_a_password_is_in_no_image_and_on_no_screen(
    typed: Typed, where: str, words: tuple[str, ...]
) -> None:
    (typed.root / ".pip.conf").touch(0o644)
    (typed.root / ".env").write_text("MINE=1\nLAB_PIP_CONFIG=old\n")
    done = typed.run("offline-images.sh", *words, **{where: INDEX})
    assert done.returncode == 0, done.stderr
    calls = (typed.folder / "calls").read_text()
    assert calls.count("docker import --change ENV PIP_CERT=") == 1
    asked = [line for line in calls.splitlines() if line.startswith(("docker ", "mmdebstrap "))]
    for text in (done.stdout, done.stderr, *asked, typed.read(".env")):
        assert "s3cret" not in text
        assert "index.example" not in text
    if words:
        assert typed.read(".pip.conf") == f"[global]\nindex-url = {INDEX}\n"
        assert stat.S_IMODE((typed.root / ".pip.conf").stat().st_mode) == 0o600
        assert typed.read(".env").splitlines() == [
            "MINE=1",
            "PYTHON_IMAGE=upload-lab-python:trixie",
            "NGINX_IMAGE=upload-lab-nginx:trixie",
            "LAB_BUILD_NETWORK=host",
            "LAB_PIP_CONFIG=.pip.conf",
        ]


def test_without_an_index_a_config_of_the_users_stays(typed: Typed) -> None:
    (typed.root / ".env").write_text("LAB_PIP_CONFIG=mine.conf\n")
    assert typed.run("offline-images.sh", "--write").returncode == 0
    assert typed.read(".env").splitlines()[0] == "LAB_PIP_CONFIG=mine.conf"
    assert not (typed.root / ".pip.conf").exists()


def test_each_build_installs_by_the_secret_and_names_no_index() -> None:
    for name in ("services", "client"):
        text = (ROOT / name / "Dockerfile").read_text().replace("\\\n", "")
        steps = [line for line in text.splitlines() if re.search(r"pip install|install-(all|locks) /", line)]
        assert steps
        assert all("--mount=type=secret,id=pip-config" in step for step in steps)
        assert all("PIP_CONFIG_FILE=/run/secrets/pip-config" in step for step in steps)
        arguments = [line.split()[1].partition("=")[0] for line in text.splitlines() if line[:3] == "ARG"]
        assert set(arguments) <= {"PYTHON_IMAGE", "LAB_UID", "SENDERS"}


def test_base_images_are_pinned_to_what_the_registry_serves(typed: Typed) -> None:
    done = typed.run("pin-images")
    assert done.stdout.splitlines() == [
        f"PYTHON_IMAGE=python:3.13-slim-trixie@{DIGEST}",
        f"NGINX_IMAGE=nginx:1.28@{DIGEST}",
    ]
    (typed.root / ".env").write_text("MINE=1\nNGINX_IMAGE=nginx:1@sha256:old\n")
    assert typed.run("pin-images", "--write", PYTHON_IMAGE="mirror:5000/python:3").returncode == 0
    assert typed.read(".env").splitlines() == [
        "MINE=1",
        f"PYTHON_IMAGE=mirror:5000/python:3@{DIGEST}",
        f"NGINX_IMAGE=nginx:1@{DIGEST}",
    ]


@pytest.mark.parametrize(
    ("words", "image", "said"),
    [
        ((), "gone:1", "gone:1 cannot be pulled"),
        ((), "local:1", "local:1 has no digest"),
        (("--all",), "nginx:1", "'--all' is not understood"),
    ],
)
def test_what_cannot_be_pinned_is_said_in_a_line(
    typed: Typed, words: tuple[str, ...], image: str, said: str
) -> None:
    done = typed.run("pin-images", *words, NGINX_IMAGE=image)
    assert done.returncode == (2 if words else 1)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert said in line
