"""Backups that are damaged, files that somebody else changes meanwhile, and changes that are broken off."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.deploy.backup import Vault
from rocmswitch.errors import MachineLacks, NotFound, Refused, VerificationFailed
from rocmswitch.model.deployment import FileState
from rocmswitch.system.disk import Change, Disk, disk_errors
from rocmswitch.system.folder import Folder
from tests.support.decorated import CONTENT
from tests.support.disk import CuttingDisk, PowerCut
from tests.support.filesystems import mounted_image


@pytest.mark.parametrize("harm", ["flipped", "shorter", "longer", "empty", "a symlink", "a folder"])
@pytest.mark.parametrize("as_link", [True, False])
def test_a_damaged_backup_is_never_put_back(folder: Folder, place: Path, saved: Path, harm: str, as_link: bool):
    vault = Vault(saved, Disk())
    state = vault.save(folder, "lib.so", "0.before")
    (place / "lib.so").unlink()
    _harm(saved / "0.before", harm)
    if as_link and (saved / "0.before").is_file() and not (saved / "0.before").is_symlink():
        os.utime(saved / "0.before", ns=(state.modified, state.modified))

    for use in (lambda: vault.put("0.before", state, folder, "again"), lambda: vault.check("0.before", state)):
        with pytest.raises(VerificationFailed) as caught:
            use()
        assert str(caught.value) == f"the backup `{saved}/0.before` is damaged: it has another hash than recorded"
    assert [*place.iterdir()] == []


def test_a_backup_that_is_gone_is_named(folder: Folder, saved: Path):
    state = folder.state("lib.so")

    for use in (Vault(saved, Disk()).check, lambda *args: Vault(saved, Disk()).put(*args, folder, "again")):
        with pytest.raises(VerificationFailed) as caught:
            use("0.before", state)
        assert str(caught.value) == f"the backup `{saved}/0.before` is gone"


def test_nothing_is_put_over_what_is_there(folder: Folder, place: Path, saved: Path):
    vault = Vault(saved, Disk())
    state = vault.save(folder, "lib.so", "0.before")
    (place / "again").write_bytes(b"somebody's")

    for wanted in (state, replace(state, mode=0o600)):
        with pytest.raises(FileExistsError):
            vault.put("0.before", wanted, folder, "again")

    assert (place / "again").read_bytes() == b"somebody's"


def test_a_file_that_is_replaced_while_it_is_saved_is_refused(folder: Folder, place: Path, saved: Path):
    class Meddling(Disk):
        def about_to(self, change: Change) -> None:
            if change.kind == "link_out":
                (place / "new").write_bytes(CONTENT)
                (place / "new").replace(place / "lib.so")

    with pytest.raises(Refused) as caught:
        Vault(saved, Meddling()).save(folder, "lib.so", "0.before")

    assert str(caught.value) == f"`{place}/lib.so` was replaced while it was saved"


@pytest.mark.parametrize("at", ["link_out", "sync_file"])
def test_a_file_that_is_written_to_while_it_is_saved_is_refused(folder: Folder, place: Path, saved: Path, at: str):
    class Meddling(Disk):
        def about_to(self, change: Change) -> None:
            if change.kind == at:
                with (place / "lib.so").open("r+b") as file:
                    file.write(b"!")

    with pytest.raises(Refused) as caught:
        Vault(saved, Meddling()).save(folder, "lib.so", "0.before")

    assert str(caught.value) == f"`{place}/lib.so` was written to while it was saved"


@pytest.mark.parametrize("name", ["none", "link", "folder"])
def test_only_a_file_can_be_kept(folder: Folder, place: Path, saved: Path, name: str):
    (place / "link").symlink_to("lib.so")
    (place / "folder").mkdir()

    with pytest.raises((NotFound, Refused)):
        Vault(saved, Disk()).keep(folder, name, "0.after")

    assert [*saved.iterdir()] == []


def test_a_full_disk_says_so(folder: Folder, tmp_path: Path):
    with (
        mounted_image("ext4", tmp_path.resolve() / "disk", megabytes=4) as disk,
        pytest.raises(MachineLacks, match=r"^no space is left for `.*/disk`$"),
        disk_errors(disk),
    ):
        Vault(disk, Disk()).save(folder, "lib.so", "0.before")

    assert folder.state("lib.so").size == len(CONTENT)


def test_a_cut_at_any_change_of_saving_and_putting_back_leaves_the_file_and_a_second_try_works(tmp_path: Path):
    for at in range(100):
        place, saved = tmp_path.resolve() / f"{at}/torch", tmp_path.resolve() / f"{at}/saved"
        place.mkdir(parents=True)
        saved.mkdir()
        (place / "lib.so").write_bytes(b"library")
        disk = CuttingDisk(at)
        with Folder.reached(place) as folder:
            before = folder.state("lib.so")
            try:
                _save_and_put(Vault(saved, disk), folder, before)
            except PowerCut:
                assert folder.state("lib.so") == before
                for left in (saved / "0.before", place / "again"):
                    left.unlink(missing_ok=True)
            else:
                break
            _save_and_put(Vault(saved, Disk()), folder, before)

    assert at == disk.seen > 5


def _save_and_put(vault: Vault, folder: Folder, state: FileState) -> None:
    assert vault.save(folder, "lib.so", "0.before") == state
    vault.put("0.before", state, folder, "again")
    assert folder.state("again") == state


def _harm(path: Path, harm: str) -> None:
    content = path.read_bytes()
    path.chmod(0o755)
    if harm in ("a symlink", "a folder"):
        path.unlink()
        if harm == "a folder":
            path.mkdir()
        else:
            path.symlink_to("elsewhere")
            path.with_name("elsewhere").write_bytes(content)
    else:
        harmed = {
            "flipped": bytes([content[0] ^ 1]) + content[1:],
            "shorter": content[:-1],
            "longer": content + b"\0",
        }
        path.write_bytes(harmed.get(harm, b""))
        path.chmod(0o2755)
