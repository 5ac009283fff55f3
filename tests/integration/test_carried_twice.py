"""A library that is carried in two places is offered once."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.model.fileentry import FileEntry
from rocmswitch.store.relocate import Relocated
from rocmswitch.store.tools import offer_tools
from rocmswitch.system.disk import Disk


def test_a_library_for_two_processors_is_offered_from_the_first_place(tmp_path: Path) -> None:
    paths = ("base/usr/lib/x86_64-linux-gnu/libatomic.so.1", "base/usr/lib32/libatomic.so.1")
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    entries = tuple(FileEntry(path, "file", 0o444, package="libatomic1") for path in paths)

    offered = offer_tools(tmp_path, Relocated(entries, ()), Disk()).entries

    (link,) = (one for one in offered if one.kind == "link")
    assert (tmp_path / link.path).resolve() == tmp_path / paths[0]
