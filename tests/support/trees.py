"""Small trees, made through the door that they come through in life, and what must hold of a folder of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.receipts import FOLDER, read_receipt
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk

NAME = "rocm-6.2.4"


def tree_name(content: str, name: str = NAME) -> str:
    """The name of the tree that `make_tree` makes of *content*."""
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def trees_in(data: Path, disk: Disk | None = None) -> Trees:
    return Trees(data / "prefixes", data / "locks", disk or HastyDisk())


def receipt_of(content: str, name: str = NAME) -> Receipt:
    return Receipt(
        "prefix", name, name, "6.2.4", tree_name(content, name), "2026-01-02T03:04:05Z", notes=(content,)
    )


def fill_tree(tree: Path, content: str, disk: Disk) -> tuple[FileEntry, ...]:
    """Two files, a folder in a folder and a symlink, different for each *content*."""
    library = f"the library of {content}".encode() * 9
    disk.make_directory(tree / "usr")
    disk.make_directory(tree / "usr/lib")
    with disk.create(tree / "usr/lib/libx.so.1", 0o644) as file:
        file.write(library)
    disk.symlink(tree / "usr/lib/libx.so", "libx.so.1")
    with disk.create(tree / "usr/tool", 0o755) as file:
        file.write(content.encode())
    return (
        FileEntry("usr", "directory", 0o755),
        FileEntry("usr/lib", "directory", 0o755),
        _file("usr/lib/libx.so.1", 0o644, library),
        FileEntry("usr/lib/libx.so", "link", 0o777, target="libx.so.1"),
        _file("usr/tool", 0o755, content.encode()),
    )


def take_inventory(tree: Path) -> tuple[FileEntry, ...]:
    """What lies in *tree*, as its list ought to say."""
    found = (path for path in sorted(tree.rglob("*")) if FOLDER not in path.parts)
    return tuple(_entry(tree, path) for path in found)


def install(trees: Trees, disk: Disk, content: str, name: str = NAME) -> str:
    """What an installation does, in small: the tree of *content* becomes what *name* means."""
    tree = tree_name(content, name)
    with trees.locked(name, wait=0):
        if trees.is_whole(tree):
            trees.point(name, tree)
        else:
            files = fill_tree(trees.begin(tree), content, disk)
            trees.publish(tree, name, receipt_of(content, name), files)
    return tree


def assert_law(data: Path, allowed: set[str], name: str = NAME) -> str:
    """*name* means one of the *allowed* trees, or nothing where `""` is allowed, and every tree is all there.

    Returns the tree that it means.
    """
    trees = trees_in(data)
    current = trees.current(name)
    assert current in allowed, f"`{name}` means `{current}`"
    if current:
        assert read_receipt(trees.path(current)).tree == current
    folder = data / "prefixes/.trees"
    whole = [path for path in folder.iterdir() if trees.is_whole(path.name)] if folder.exists() else []
    for tree in whole:
        assert verify_tree(tree, jobs=1) == (), tree.name
    assert not current or current in {tree.name for tree in whole}
    return current


def assert_next_command_works(data: Path, current: str, name: str = NAME) -> None:
    """What comes next finds its way: a sweep leaves *current* alone, and an installation succeeds."""
    trees = trees_in(data)
    with trees.locked(name, wait=0):
        trees.sweep()
    assert assert_law(data, {current}, name) == current
    folder = data / "prefixes/.trees"
    left = {path.name for path in folder.iterdir()} if folder.exists() else set()
    assert {one for one in left if one.startswith(f"{name}-")} == ({current} - {""})

    installed = install(trees, HastyDisk(), "the next one", name)

    assert assert_law(data, {installed}, name) == installed


def replace_content(path: Path, content: bytes | None) -> None:
    """Damage a file of a published tree; None removes it."""
    path.parent.chmod(0o755)
    mode = path.stat().st_mode
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)


def _entry(tree: Path, path: Path) -> FileEntry:
    name, mode = path.relative_to(tree).as_posix(), path.lstat().st_mode & 0o7777
    if path.is_symlink():
        return FileEntry(name, "link", mode, target=os.readlink(path))  # noqa: PTH115
    if path.is_dir():
        return FileEntry(name, "directory", mode)
    content = path.read_bytes()
    return FileEntry(name, "file", mode, len(content), hashlib.sha256(content).hexdigest())


def _file(path: str, mode: int, content: bytes) -> FileEntry:
    return FileEntry(path, "file", mode, len(content), hashlib.sha256(content).hexdigest(), package="tiny")
