import fcntl
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


def test_what_a_killed_process_left_is_swept_at_the_next_start_and_nothing_else(
    store: Store, tmp_path: Path
) -> None:
    left = tmp_path / "tmp" / f"{'0' * 32}.part"
    others = [tmp_path / "tmp" / "nginx-spool", tmp_path / f"{'1' * 32}", tmp_path / "notes.part"]
    for path in (left, *others):
        path.write_bytes(b"x")
    with store.partial() as partial:
        partial.file.write(b"in work")
        Store(tmp_path)
        upload_id = partial.commit()
    assert not left.exists()
    assert all(path.exists() for path in others)
    assert (tmp_path / upload_id).read_bytes() == b"in work"
    assert store.count() == {"uploads": 2, "temporary": 1, "unfinished": 0}


def test_a_sweep_between_opening_and_locking_costs_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = fcntl.flock

    def lock_late(file: object, how: int) -> None:
        if how == fcntl.LOCK_EX:
            monkeypatch.setattr(fcntl, "flock", really)
            Store(tmp_path)
        really(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with store.partial() as partial:
        partial.file.write(b"abc")
        upload_id = partial.commit()
    assert (tmp_path / upload_id).read_bytes() == b"abc"


def test_a_sweep_while_an_upload_gets_its_final_name_costs_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.rename

    def rename_late(path: Path, target: Path) -> Path:
        Store(tmp_path)
        return really(path, target)

    monkeypatch.setattr(Path, "rename", rename_late)
    with store.partial() as partial:
        partial.file.write(b"abc")
        upload_id = partial.commit()
    assert (tmp_path / upload_id).read_bytes() == b"abc"


def test_an_upload_in_work_counts_until_its_process_is_killed(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time; from upload_app.storage import Store\n"
        "partial = Store(pathlib.Path(sys.argv[1])).partial(); print('open', flush=True); time.sleep(60)"
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
