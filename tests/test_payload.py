import zlib
from pathlib import Path

import pytest
from uploadlab.catalogue.payloads import describe, write_payload
from uploadlab.units import MIB


@pytest.mark.parametrize("size_bytes", [1, 7, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])
def test_size_is_exact_and_digest_is_the_files(tmp_path: Path, size_bytes: int) -> None:
    payload = write_payload(tmp_path / "a", size_bytes)
    assert (tmp_path / "a").stat().st_size == payload.size_bytes == size_bytes
    assert describe(tmp_path / "a").digest == payload.digest


def test_same_size_gives_same_bytes(tmp_path: Path) -> None:
    write_payload(tmp_path / "a", 3 * MIB)
    write_payload(tmp_path / "b", 3 * MIB)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_block_is_like_another_and_nothing_can_be_compressed(tmp_path: Path) -> None:
    write_payload(tmp_path / "a", 4 * MIB)
    content = (tmp_path / "a").read_bytes()
    assert len({content[at : at + MIB] for at in range(0, len(content), MIB)}) == 4
    assert len(zlib.compress(content[:MIB])) > 0.99 * MIB


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")  # every write to it says: no space left on device
    with pytest.raises(OSError, match="No space"):
        write_payload(full, 8 * MIB)
    assert not full.is_symlink()
