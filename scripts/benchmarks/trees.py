"""Installed trees as material: many of them, and their files hashed by nothing but hashlib."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HASH_FILES = """
import hashlib, sys
for path in sys.stdin.read().split("\\0"):
    with open(path, "rb") as file:
        if hasattr(hashlib, "file_digest"):
            hashlib.file_digest(file, "sha256")
        else:
            digest = hashlib.sha256()
            while piece := file.read(262144):
                digest.update(piece)
"""


@contextmanager
def many_stacks(home: Path, count: int) -> Iterator[Path]:
    """A home with *count* installed stacks: real receipts of the one in *home*, under other names."""
    link = next(path for path in (home / "data/prefixes").iterdir() if path.is_symlink())
    receipt = json.loads((link / ".rocmswitch/receipt.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        prefixes = Path(folder) / "data/prefixes"
        for number in range(count):
            name, tree = f"rocm-6.{number}.0", f"rocm-6.{number}.0-{number:012x}"
            place = prefixes / ".trees" / tree / ".rocmswitch"
            place.mkdir(parents=True)
            (place / "receipt.json").write_text(json.dumps({**receipt, "name": name, "stack": name, "tree": tree}))
            (prefixes / name).symlink_to(f".trees/{tree}")
        yield Path(folder)


def halves_of(tree: Path) -> list[list[str]]:
    """Every regular file below *tree*, in two lists of about as many bytes."""
    halves: list[list[str]] = [[], []]
    sizes = [0, 0]
    for path, size in sorted(_regular_files(tree), key=lambda item: -item[1]):
        smaller = sizes.index(min(sizes))
        halves[smaller].append(path)
        sizes[smaller] += size
    return halves


def hash_by_two(halves: list[list[str]], python: Path) -> None:
    """SHA-256 of every file, by one process for each list."""
    running = [subprocess.Popen([python, "-c", HASH_FILES], stdin=subprocess.PIPE) for _ in halves]
    for process, paths in zip(running, halves, strict=True):
        assert process.stdin
        process.stdin.write("\0".join(paths).encode())
        process.stdin.close()
    if any(process.wait() for process in running):
        sys.exit("error: hashing by hashlib alone failed")


def _regular_files(tree: Path) -> Iterator[tuple[str, int]]:
    for current, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name != ".rocmswitch"]
        for name in names:
            path = Path(current, name)
            if not path.is_symlink():
                yield str(path), path.stat().st_size
