"""A large file is read once, for its copy and its hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.system.copying import copy_hashed, hash_opened
from rocmswitch.system.disk import Disk, disk_errors
from rocmswitch.system.folder import Folder
from tests.support.filesystems import mounted_image

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1, (36 << 20) + 12345])
def test_a_copy_is_hashed_as_it_is_written(tmp_path: Path, size: int):
    (tmp_path / "old").write_bytes(os.urandom(size))

    with (tmp_path / "old").open("rb") as old, (tmp_path / "new").open("w+b") as new:
        old.read(7)
        digest = copy_hashed(old, new)
        assert hash_opened(new) == digest

    assert hashlib.sha256((tmp_path / "new").read_bytes()).hexdigest() == digest
    assert (tmp_path / "new").read_bytes() == (tmp_path / "old").read_bytes()


@needs_root
def test_a_disk_that_fills_up_is_named_with_the_file(tmp_path: Path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    with (
        mounted_image("ext4", tmp_path.resolve() / "disk", megabytes=20) as disk,
        Folder.reached(disk) as folder,
        pytest.raises(MachineLacks) as caught,
        disk_errors(tmp_path),
        large.open("rb") as file,
        Disk().create_in(folder, "new") as new,
    ):
        copy_hashed(file, new)

    assert str(caught.value) == f"no space is left for `{disk}/new`"
