import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from upload_app.storage import Store
from uploadlab.paths import APP


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_committed_upload_can_be_read_back_and_removed(store: Store) -> None:
    with store.partial() as partial:
        partial.file.write(b"abc")
        assert partial.size_bytes() == 3
        upload_id = partial.commit()
    assert store.size_bytes(upload_id) == 3
    assert store.digest(upload_id, "sha256") == hashlib.sha256(b"abc").hexdigest()
    store.delete(upload_id)
    with pytest.raises(FileNotFoundError):
        store.size_bytes(upload_id)


def test_nothing_stays_of_an_upload_that_is_not_committed(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), store.partial() as partial:
        partial.file.write(b"abc")
        raise ZeroDivisionError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../secret", "tmp", "", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_only_ids_become_paths(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret").write_text("x")
    with pytest.raises(FileNotFoundError):
        store.size_bytes(name)


def test_an_upload_in_work_counts_until_its_process_is_killed(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time; from upload_app.storage import Store\n"
        "one = Store(pathlib.Path(sys.argv[1])).partial(); print('open', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(APP)},
        stdout=subprocess.PIPE,
    )
    assert writer.stdout
    writer.stdout.readline()
    assert store.in_progress() == 1
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert store.in_progress() == 0
    assert len(list(store.temporary.glob("*.part"))) == 1
