"""An archive whose blocks are read side by side ends as any other when something breaks: told, by all threads."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.unpack import Unpacker, Unpacking
from rocmswitch.system.disk import Disk
from tests.support.archives import TarMember, deb_of, tar
from tests.support.xzfiles import packed

pytestmark = pytest.mark.skipif(shutil.which("xz") is None, reason="needs xz (xz-utils), which makes many blocks")

FILES = tuple(TarMember(f"lib/{number}", random.Random(number).randbytes(100_000)) for number in range(40))


class AfterSome(Disk):
    """Does *what* before the file number *number* is made."""

    def __init__(self, number: int, what: Callable[[], None]) -> None:
        self._left = number
        self._what = what
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def create(self, path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
        with self._lock:
            self._left -= 1
            is_now = self._left == 0
        if is_now:
            self._what()
        with super().create(path, mode) as file:
            yield file


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    """Two of 4 MB, in blocks of 64 KiB."""
    data = packed(tar(FILES), block=65_536)
    return [deb_of(tmp_path / f"{number}.deb", data) for number in range(2)]


def unpacked(archives: list[Path], disk: Disk) -> int:
    """How many files there are afterwards; two archives, and threads enough to read both ahead."""
    (tree := archives[0].parent / "tree").mkdir()
    with Unpacker(disk, 6) as unpacker:
        for one in archives:
            place = tree / one.stem
            place.mkdir()
            unpacker.submit(Unpacking(one.stem, one, place))
        return sum(len(one.entries) for one in unpacker.done())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_both_are_unpacked_where_nothing_breaks(archives: list[Path]) -> None:
    assert unpacked(archives, Disk()) == 2 * (len(FILES) + 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.__getitem__)
def test_a_disk_that_fails_is_told_as_it_is(archives: list[Path], number: int) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "tree")

    with pytest.raises(OSError) as caught:
        unpacked(archives, AfterSome(30, fail))

    assert caught.value.errno == number


def test_an_archive_that_is_cut_off_while_it_is_read_is_refused(archives: list[Path]) -> None:
    def cut() -> None:
        for one in archives:
            os.truncate(one, 1_000_000)

    with pytest.raises(VerificationFailed, match="the archive of"):
        unpacked(archives, AfterSome(20, cut))


def test_an_interrupt_ends_all_threads(archives: list[Path]) -> None:
    with pytest.raises(KeyboardInterrupt):
        unpacked(archives, AfterSome(10, lambda: signal.raise_signal(signal.SIGINT)))
