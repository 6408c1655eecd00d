"""The hand-over: what nginx took is the app's to name, and nobody else's to point at."""

from pathlib import Path

import pytest
import requests
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS
from .running import Lab
from .test_app import BODY, client, refused

FORGED = ("UPLOAD_FILE", "Upload-File", "Upload_File", "X-Upload-File", "HTTP_UPLOAD_FILE")


def taken(folder: Path, content: bytes = BODY) -> Path:
    """A body that a server in front has written."""
    path = folder / "tmp" / "nginx" / "0000000001"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_taken_body_becomes_the_upload(tmp_path: Path) -> None:
    app, path = client(tmp_path), taken(tmp_path)
    answer = app.put("/request-stream?fsync=1", environ_overrides={"UPLOAD_FILE": str(path)})
    assert (answer.status_code, answer.get_json()["size_bytes"]) == (201, len(BODY))
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY
    assert not path.exists()


@pytest.mark.parametrize(
    ("query", "status"), [(f"limit={len(BODY) - 1}", 413), ("budget=-1", 408), ("fsync=soon", 400)]
)
def test_a_taken_body_that_is_refused_is_gone(tmp_path: Path, query: str, status: int) -> None:
    app, path = client(tmp_path), taken(tmp_path)
    answer = app.put(f"/request-stream?{query}", environ_overrides={"UPLOAD_FILE": str(path)})
    assert answer.status_code == status
    assert [file for file in tmp_path.iterdir() if file.is_file()] == []
    assert path.exists() == (status == 400)  # then it was never touched, and nginx removes it


@pytest.mark.parametrize("where", ["{}/elsewhere", "{}/tmp/../elsewhere", "/etc/hostname", "elsewhere"])
def test_no_other_file_is_ever_taken(tmp_path: Path, where: str) -> None:
    app = client(tmp_path)
    (tmp_path / "elsewhere").write_bytes(BODY)
    overrides = {"UPLOAD_FILE": where.format(tmp_path)}
    refused(app.put("/request-stream", environ_overrides=overrides), 500, "", tmp_path / "tmp")
    assert (tmp_path / "elsewhere").read_bytes() == BODY


@pytest.mark.parametrize(
    "name", [name for name, deployment in DEPLOYMENTS.items() if deployment.tier == "tuned"]
)
def test_a_client_cannot_name_a_file(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    secret = lab.data / name / "tmp" / "of another"
    secret.write_bytes(b"of another")
    query = f"?UPLOAD_FILE={secret}"
    headers = dict.fromkeys(FORGED, str(secret))
    answer = requests.put(f"{url}/request-stream{query}", data=b"x" * MIB, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["size_bytes"]) == (201, MIB)
    assert secret.read_bytes() == b"of another"
    secret.unlink()
    requests.delete(f"{url}/uploads/{answer.json()['id']}", timeout=60)
    assert lab.stored_files(name) == []
