"""Paths of a system that is mounted somewhere: its links mean its own files, never this machine's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rocmswitch.host.systemroot import SystemRoot, within
from tests.support.nobody import as_nobody


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a root"
    (root / "usr/lib/modules").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc").mkdir()
    return root


@pytest.mark.parametrize(
    ("link", "target", "path", "real"),
    [
        ("etc/a", "/usr/lib", "etc/a/modules", "usr/lib/modules"),
        ("etc/a", "../../../../usr/lib", "/etc/a/modules", "usr/lib/modules"),
        ("etc/a", "/etc/b", "etc/a/c", "etc/b/c"),
        ("etc/a", "/", "etc/a/lib/modules", "usr/lib/modules"),
        ("etc/a", "lib", "lib/../lib//modules/./x", "usr/lib/modules/x"),
        ("etc/a", "lib", "../..", ""),
    ],
)
def test_links_lead_where_they_would_if_the_root_were_the_whole_machine(root, link, target, path, real):
    (root / link).symlink_to(target)

    assert within(root, path) == real


def test_a_link_out_of_the_root_reads_no_file_of_this_machine(root, tmp_path):
    (tmp_path / "secret").write_text("of this machine")
    (root / "etc/outside").symlink_to(tmp_path / "secret")
    (root / "etc/above").symlink_to("../../secret")
    files = SystemRoot(root)

    assert (files.read("etc/outside"), files.read("etc/above"), files.unread) == (None, None, ())


def test_links_in_a_circle_are_told_and_not_followed_for_ever(root):
    (root / "etc/a").symlink_to("b")
    (root / "etc/b").symlink_to("/etc/a")
    files = SystemRoot(root)

    with pytest.raises(OSError) as caught:
        within(root, "etc/a/x")

    assert (caught.value.errno, files.read("etc/a"), files.within("etc/a")) == (errno.ELOOP, None, "etc/a")
    assert files.unread == ("`/etc/a` could not be read: Too many levels of symbolic links",)


def test_a_fifo_is_told_and_never_opened(root):
    os.mkfifo(root / "etc/fifo")
    files = SystemRoot(root)

    assert files.read("etc/fifo") is None
    assert files.unread == ("`/etc/fifo` could not be read: it is no regular file",)


def test_a_file_that_is_too_large_is_told_and_not_read_whole(root):
    (root / "etc/large").write_bytes(b"x" * 11)
    files = SystemRoot(root)

    assert (files.read("etc/large", 10), files.read("etc/large", 11)) == (None, b"x" * 11)
    assert files.unread == ("`/etc/large` could not be read: it has more than 10 bytes",)


def test_what_this_user_may_not_read_is_told(root):
    (root / "etc/private").mkdir(mode=0)
    files = SystemRoot(root)

    with as_nobody(root):
        found = (files.names("etc/private"), files.read("etc/private/x"))

    assert found == ((), None)
    assert all(one.endswith("Permission denied") for one in files.unread) and len(files.unread) == 2


def test_what_is_not_there_is_no_failure(root):
    files = SystemRoot(root)

    assert (files.read("etc/x"), files.names("etc/x/y"), files.status("x"), files.unread) == (None, (), None, ())


def test_names_that_are_no_text_can_be_opened_all_the_same(root):
    Path(os.fsdecode(os.fsencode(root) + b"/etc/\xff\n")).write_text("here")
    files = SystemRoot(root)

    assert [files.text(f"etc/{name}") for name in files.names("etc")] == ["here"]


def test_bytes_that_are_no_text_are_spelled_out(root):
    (root / "etc/x").write_bytes(b"a\xff")

    assert SystemRoot(root).text("etc/x") == "a\\xff"


def test_a_path_with_a_nul_is_nothing_that_could_be_read(root):
    files = SystemRoot(root)

    assert (files.read("etc/\0x"), len(files.unread)) == (None, 1)


def test_all_files_below_a_folder_are_found_and_links_on_the_way_are_not_followed(root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.ko").touch()
    (root / "usr/lib/modules/k/sub").mkdir(parents=True)
    (root / "usr/lib/modules/k/sub/a.ko").touch()
    (root / "usr/lib/modules/k/build").symlink_to(tmp_path / "outside")
    (root / "usr/lib/modules/k/sub/up").symlink_to("..")

    assert list(SystemRoot(root).below("lib/modules/k")) == ["usr/lib/modules/k/sub/a.ko"]
