"""The pin file that governs a folder, as a shell sees the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.model.pin import Pin
from rocmswitch.operations.choosing import Pinned, nearest_pin


def pinned(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / ".rocm-version"
    file.write_text(f"{name}\n")
    return file


def test_the_nearest_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pinned(tmp_path, "5.2")
    near = pinned(tmp_path / "project with space", "6.2")
    below = near.parent / "src/deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert nearest_pin({"PWD": str(below)}) == Pinned(near, Pin("6.2"))


def test_a_folder_entered_through_a_link_has_the_folders_above_that_the_shell_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shown, real = pinned(tmp_path / "shown", "6.2"), pinned(tmp_path / "real", "5.2")
    (real.parent / "inner").mkdir()
    link = shown.parent / "link"
    link.symlink_to(real.parent / "inner")
    monkeypatch.chdir(link)

    assert nearest_pin({"PWD": str(link)}) == Pinned(shown, Pin("6.2"))
    assert nearest_pin({"PWD": "relative"}) == nearest_pin({}) == Pinned(real, Pin("5.2"))
    assert nearest_pin({"PWD": str(tmp_path)}) == Pinned(real, Pin("5.2"))


def test_a_folder_that_was_removed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = pinned(tmp_path / "gone", "6.2")
    monkeypatch.chdir(file.parent)
    file.unlink()
    file.parent.rmdir()

    assert nearest_pin({"PWD": str(file.parent)}) is None
    assert nearest_pin({}) is None


@pytest.mark.parametrize("make", ["fifo", "folder", "device"])
def test_what_is_no_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: str):
    above = pinned(tmp_path, "5.2")
    project = tmp_path / "project"
    project.mkdir()
    odd = project / ".rocm-version"
    if make == "fifo":
        os.mkfifo(odd)
    elif make == "folder":
        odd.mkdir()
    else:
        odd.symlink_to("/dev/zero")
    monkeypatch.chdir(project)

    assert nearest_pin({"PWD": str(project)}) == Pinned(above, Pin("5.2"))


def test_a_file_of_a_megabyte_is_no_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = pinned(tmp_path, "6.2" * 400_000)
    monkeypatch.chdir(tmp_path)

    assert nearest_pin({}) == Pinned(file, None, f"ignored: {file} is not a valid pin")
